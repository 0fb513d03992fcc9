package bucket

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestWords(t *testing.T) {
	for want, err := range map[string]error{
		"no credentials were found":                      classify(call{name: "PutObject"}, errNoCredentials{errors.New("none")}),
		"the endpoint doesn't take the credentials":      &failure{kind: ErrRefused, status: 403, code: "SignatureDoesNotMatch"},
		"this machine's clock is wrong":                  &failure{kind: ErrRefused, status: 403, code: "RequestTimeTooSkewed"},
		"there is no such bucket":                        &failure{kind: ErrRefused, status: 404, code: "NoSuchBucket"},
		"the endpoint speaks http, not https":            &failure{kind: ErrRefused, code: codeNoTLS},
		"the region is wrong":                            &failure{kind: ErrRefused, status: 301},
		"the endpoint can't be reached":                  &failure{kind: ErrAway},
		"a right is missing: DeleteObjects is forbidden": fmt.Errorf("remove: %w", &failure{call: "DeleteObjects", kind: ErrRefused, status: 403, code: "AccessDenied"}),
		"the endpoint refuses PutObject":                 &failure{call: "PutObject", kind: ErrRefused, status: 400, code: "InvalidArgument"},
		"the endpoint has trouble":                       &failure{kind: ErrAway, status: 500},
		"the endpoint can't be used":                     fmt.Errorf("the endpoint ignores If-None-Match: %w", ErrRefused),
	} {
		if got := Words(fmt.Errorf("bucket b at address: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
		one := map[string]bool{"a right is missing: DeleteObjects is forbidden": true, "the endpoint refuses PutObject": true, "the endpoint can't be used": true}
		if got := Everywhere(err); got == one[want] {
			t.Errorf("%v: of all calls: %v", err, got)
		}
	}
	for _, err := range []error{nil, context.Canceled, ErrClosed, &failure{kind: ErrNotFound, status: 404}, &failure{kind: ErrConflict, status: 412}} {
		if got := Words(err); got != "" {
			t.Errorf("%v: %q", err, got)
		}
	}
}
