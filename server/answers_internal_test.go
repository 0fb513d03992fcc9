package server

import (
	"net/http"
	"testing"
)

func TestStatusFor(t *testing.T) {
	for _, c := range []struct{ patch, post, head, get int }{
		{200, 200, 200, 200},
		{404, 404, 404, 404},
		{410, 410, 410, 410},
		{423, 503, 423, 503},
		{500, 503, 423, 500},
		{503, 503, 423, 503},
		{507, 507, 423, 507},
	} {
		for method, want := range map[string]int{http.MethodPatch: c.patch, http.MethodPost: c.post, http.MethodHead: c.head, http.MethodGet: c.get} {
			if got := statusFor(method, c.patch); got != want {
				t.Errorf("%d on %s is %d, want %d", c.patch, method, got, want)
			}
		}
	}
}
