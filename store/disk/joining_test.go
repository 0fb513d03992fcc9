package disk

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// joiners are the requests that wait for a finish which runs.
var joiners = []struct {
	method  string
	request func(f *folder, id string) error
}{
	{http.MethodHead, func(f *folder, id string) error { _, err := f.head(id); return err }},
	{http.MethodGet, func(f *folder, id string) error {
		content, err := f.Content(as(f.t, http.MethodGet), id)
		if err == nil {
			err = content.Body.Close()
		}
		return err
	}},
	{http.MethodPatch, func(f *folder, id string) error { _, err := f.GetUpload(as(f.t, http.MethodPatch), id); return err }},
	{http.MethodDelete, func(f *folder, id string) error {
		ctx := as(f.t, http.MethodDelete)
		u, err := f.GetUpload(ctx, id)
		if err != nil {
			return err
		}
		return f.AsTerminatableUpload(u).Terminate(ctx)
	}},
}

// joined is a folder with an upload whose finish runs, and requests that came
// meanwhile.
type joined struct {
	*folder
	id      string
	calls   int
	answers chan error
	sent    chan error
	begin   time.Time
}

const joining = 3

// join begins a finish, whose event waits for opened and then fails with
// failure, and three times the request.
func join(t *testing.T, request func(*folder, string) error, opened <-chan struct{}, failure error) *joined {
	t.Helper()
	j := &joined{answers: make(chan error, joining), sent: make(chan error, 1)}
	j.folder = openFolder(t, t.TempDir(), beforeEvent(func(string) error {
		j.calls++
		<-opened
		return failure
	}))
	j.id = j.upload(handler.FileInfo{Size: 3}, "")
	// The writer's request holds the lock, as tusd takes it.
	unlock, ok := j.opts.Locker.TryLock(j.id)
	if !ok {
		t.Fatal("a new upload is locked")
	}
	go func() {
		defer unlock()
		j.sent <- j.send(j.id, 0, "abc")
	}()
	synctest.Wait() // the event waits
	j.begin = time.Now()
	for range joining {
		go func() { j.answers <- request(j.folder, j.id) }()
	}
	synctest.Wait() // all that can happen has happened
	return j
}

// Whoever wants an upload that is being finished waits for that finish, and
// hears how it ended; DELETE removes the upload then, whatever the end.
func TestJoin(t *testing.T) {
	for _, c := range joiners {
		for name, failure := range map[string]error{"success": nil, "failure": store.Unfinished()} {
			t.Run(c.method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opened := make(chan struct{})
					j := join(t, c.request, opened, failure)
					if n := len(j.answers); n > 0 {
						t.Errorf("%d requests have not waited for the finish; one heard %v", n, <-j.answers)
					}
					j.wantFile(j.id, umasked(t, 0o644))
					close(opened)
					synctest.Wait()
					if len(j.answers) != joining || len(j.sent) != 1 {
						t.Fatalf("the finish has ended, and only %d requests with it", len(j.answers))
					}
					for range joining {
						if err := <-j.answers; failure == nil || c.method == http.MethodDelete {
							j.must(err)
						} else {
							wantStatus(t, err, http.StatusLocked)
						}
					}
					if j.calls != 1 {
						t.Errorf("%d finishes, want one for all", j.calls)
					}
					if c.method == http.MethodDelete {
						j.wantFile(j.id, 0)
						j.wantFile(j.id+".info", 0)
					}
				})
			})
		}
	}
}

// The wait has a bound, after which clients try again; the finish goes on.
func TestJoinHasABound(t *testing.T) {
	for _, c := range joiners {
		t.Run(c.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := make(chan struct{})
				j := join(t, c.request, opened, nil)
				for range joining {
					wantStatus(t, <-j.answers, http.StatusLocked)
				}
				if waited := time.Since(j.begin); waited != j.opts.FinishWait {
					t.Errorf("they waited for %s, want %s", waited, j.opts.FinishWait)
				}
				wantStatus(t, <-j.sent, http.StatusLocked)
				close(opened)
				synctest.Wait()
				j.wantEvents(j.id)
				j.wantFile(j.id, umasked(t, 0o644)&^writeBits)
			})
		})
	}
}
