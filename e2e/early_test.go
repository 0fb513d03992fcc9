package e2e

import (
	"net/http"
	"testing"
)

// TestEarlyAnswerArrives sends large bodies at a wrong offset. The server answers 409 without reading them, and its answer
// must not be lost to a reset of the connection: the client would hear a broken pipe in place of what is wrong.
func TestEarlyAnswerArrives(t *testing.T) {
	for name, closing := range map[string]bool{"kept connection": false, "connection to be closed": true} {
		t.Run(name, func(t *testing.T) {
			const tries = 100
			ctx := bounded(t)
			server := startPlateau(ctx, t, t.TempDir())
			client := newTus(ctx, server.files)
			client.closing = closing
			address := client.mustCreate(t, 10<<20, nil)
			body := make([]byte, 3<<20)
			lost := 0
			var last answer
			for range tries {
				a := client.patch(address, 5, body, nil)
				if a.err != nil {
					lost++
					last = a
				} else if a.status != http.StatusConflict {
					t.Fatalf("PATCH at a wrong offset: %v, want 409", a)
				}
			}
			if lost > 0 {
				t.Errorf("%d of %d answers were lost, the last to: %v", lost, tries, last)
			}
			client.mustHead(t, address, 0)
		})
	}
}
