package e2e

import (
	"net/http"
	"testing"
)

// TestEarlyAnswerArrives sends bodies at a wrong offset. The server answers 409 without reading them, and its answer must
// not be lost to a reset of the connection: the client would hear a broken pipe in place of what is wrong.
func TestEarlyAnswerArrives(t *testing.T) {
	for name, c := range map[string]struct {
		size, tries int
		closing     bool
	}{
		"kept connection":         {3 << 20, 100, false},
		"small body":              {250 << 10, 1000, false}, // net/http treats what is at most 256 KiB in another way
		"connection to be closed": {3 << 20, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := bounded(t)
			server := startPlateau(ctx, t, t.TempDir())
			client := newTus(ctx, server.files)
			client.closing = c.closing
			address := client.mustCreate(t, 10<<20, nil)
			body := make([]byte, c.size)
			lost := 0
			var last answer
			for range c.tries {
				a := client.patch(address, 5, body, nil)
				if a.err != nil {
					lost++
					last = a
				} else if a.status != http.StatusConflict {
					t.Fatalf("PATCH at a wrong offset: %v, want 409", a)
				}
			}
			if lost > 0 {
				t.Errorf("%d of %d answers were lost, the last to: %v", lost, c.tries, last)
			}
			client.mustHead(t, address, 0)
		})
	}
}
