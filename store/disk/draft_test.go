package disk

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// drafts makes drafts with these texts.
func (f *folder) drafts(texts ...string) []store.Draft {
	f.t.Helper()
	var drafts []store.Draft
	for _, text := range texts {
		d, err := f.NewDraft(f.t.Context())
		f.must(err)
		f.must(d.Append(f.t.Context(), []byte(text)))
		d.Rest()
		drafts = append(drafts, d)
	}
	return drafts
}

func (f *folder) finishDrafts(drafts []store.Draft) []store.Finished {
	f.t.Helper()
	return f.FinishDrafts(f.t.Context(), drafts, make([]handler.MetaData, len(drafts)))
}

// names are those of the files in the folder.
func (f *folder) names() []string {
	f.t.Helper()
	entries, err := os.ReadDir(f.path(""))
	f.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDrafts(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"journal": func(o *Options) { o.Journal = 1 << 20 },
		"alone":   func(*Options) {},
		"digest":  func(o *Options) { o.Journal, o.Digest = 1<<20, "sha256" },
		"none":    func(o *Options) { o.Durable = false },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := openUnclosed(t, dir, change)
			texts := []string{"one", "", strings.Repeat("three", 30_000)}
			drafts := f.drafts(texts...)
			for i, done := range f.FinishDrafts(t.Context(), drafts, []handler.MetaData{{"a": "1"}, nil, {"b": "2"}}) {
				if done.Err != nil || done.Info.ID != drafts[i].ID() {
					t.Errorf("%+v", done)
				}
				if digest := done.Info.Storage[store.KeyDigest]; (digest != "") != (name == "digest") {
					t.Errorf("digest %q", digest)
				}
			}
			if len(f.events) != 3 || f.events[0] != drafts[0].ID() || f.events[2] != drafts[2].ID() {
				t.Errorf("events %v", f.events)
			}
			f.must(f.Close(t.Context()))
			again := openFolder(t, dir, change)
			for i, text := range texts {
				u, err := again.open(drafts[i].ID())
				if err != nil || !u.sealed || u.info.Size != int64(len(text)) {
					t.Fatalf("%+v %v", u, err)
				}
				if data, err := os.ReadFile(again.path(u.info.ID)); err != nil || string(data) != text {
					t.Errorf("%d bytes, %v", len(data), err)
				}
			}
			if u, _ := again.open(drafts[2].ID()); !maps.Equal(u.info.MetaData, handler.MetaData{"b": "2"}) {
				t.Errorf("metadata %v", u.info.MetaData)
			}
			if names := again.names(); len(names) != 6 {
				t.Errorf("%v", names)
			}
		})
	}
}

// Nobody can reach a draft, and nothing is left of one that is abandoned.
func TestDraftsAreNoUploads(t *testing.T) {
	f := openFolder(t, t.TempDir())
	d := f.drafts("text")[0]
	for _, method := range []string{"HEAD", "PATCH", "GET", "DELETE"} {
		if _, err := f.GetUpload(as(t, method), d.ID()); !errors.Is(err, store.NotFound()) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if n, err := f.Sweep(t.Context()); err != nil || n.Finished != 0 {
		t.Errorf("%+v %v", n, err)
	}
	f.must(d.Abandon())
	if names := f.names(); len(names) > 0 {
		t.Errorf("%v", names)
	}
	if unlock, ok := f.opts.Locker.TryLock(d.ID()); !ok {
		t.Error("it is still locked")
	} else {
		unlock()
	}
}

// An event that can't be made safe costs its own file and those after it; those
// before have theirs.
func TestDraftsWhoseEventsFail(t *testing.T) {
	for _, journal := range []int64{0, 1 << 20} {
		for failing := range 3 {
			t.Run(fmt.Sprint(journal, failing), func(t *testing.T) {
				var fail string
				f := openFolder(t, t.TempDir(), func(o *Options) { o.Journal = journal }, beforeEvent(func(id string) error {
					if id == fail {
						return errors.New("no outbox")
					}
					return nil
				}))
				drafts := f.drafts("one", "two", "three")
				fail = drafts[failing].ID()
				for i, done := range f.finishDrafts(drafts) {
					_, err := f.open(drafts[i].ID())
					if i < failing {
						if done.Err != nil || err != nil || !slices.Contains(f.events, drafts[i].ID()) {
							t.Errorf("file %d: %+v, %v", i, done, err)
						}
						continue
					}
					if !errors.Is(done.Err, store.Unfinished()) || done.Unsure || !isNotFound(err) {
						t.Errorf("file %d: %+v, %v", i, done, err)
					}
				}
				if names := f.names(); len(names) != 2*failing {
					t.Errorf("%v", names)
				}
				if len(f.events) != failing {
					t.Errorf("events %v", f.events)
				}
			})
		}
	}
}

// A panic of the outbox costs one form, not the process.
func TestDraftsWhoseEventsPanic(t *testing.T) {
	f := openFolder(t, t.TempDir(), beforeEvent(func(string) error { panic("bug") }))
	for _, done := range f.finishDrafts(f.drafts("one", "two")) {
		if !errors.Is(done.Err, store.Unfinished()) {
			t.Error(done.Err)
		}
	}
	if names := f.names(); len(names) > 0 {
		t.Errorf("%v", names)
	}
}

// A file that can't be published takes the whole form with it.
func TestDraftsOneOfWhichIsLost(t *testing.T) {
	f := openFolder(t, t.TempDir())
	drafts := f.drafts("one", "two", "three")
	f.must(os.Remove(f.path(draftName(drafts[1].ID()))))
	for _, done := range f.finishDrafts(drafts) {
		if done.Err == nil {
			t.Errorf("%+v", done)
		}
	}
	if names := f.names(); len(names) > 0 || len(f.events) > 0 {
		t.Errorf("%v %v", names, f.events)
	}
}

// A download that comes with the event waits for the seal.
func TestDownloadWhileDraftsAreFinished(t *testing.T) {
	release := make(chan struct{})
	reached := make(chan string, 1)
	f := openFolder(t, t.TempDir(), beforeEvent(func(id string) error {
		reached <- id
		<-release
		return nil
	}))
	drafts := f.drafts("one")
	results := make(chan []store.Finished)
	go func() { results <- f.finishDrafts(drafts) }()
	id := <-reached
	content := make(chan error)
	go func() {
		opened, err := f.Content(as(t, "GET"), id)
		if err == nil {
			err = opened.Body.Close()
		}
		content <- err
	}()
	close(release)
	if done := <-results; done[0].Err != nil {
		t.Error(done[0].Err)
	}
	f.must(<-content)
}

// What a crash leaves of drafts goes with the first sweep; what is being written
// stays.
func TestDraftsThatACrashLeft(t *testing.T) {
	f := openFolder(t, t.TempDir())
	all := f.drafts("left", "being written")
	prefixed, err := f.NewDraft(store.WithRequest(t.Context(), &store.Request{IDPrefix: "tenant-1"}))
	f.must(err)
	for _, left := range []store.Draft{all[0], prefixed} {
		left.(*draft).unlock() // its process has gone
	}
	if n, err := f.Sweep(t.Context()); err != nil || n.Drafts != 2 {
		t.Errorf("%+v %v", n, err)
	}
	if names := f.names(); !slices.Equal(names, []string{draftName(all[1].ID())}) {
		t.Errorf("%v", names)
	}
	f.must(all[1].Abandon())
}

// All files of a form were finished when the form ended, after they were begun.
func TestTimesOfDrafts(t *testing.T) {
	f := openFolder(t, t.TempDir())
	drafts := f.drafts("one", "two")
	f.age(draftName(drafts[0].ID()), time.Hour) // a long form
	for _, done := range f.finishDrafts(drafts) {
		created, err := time.Parse(time.RFC3339Nano, done.Info.Storage[store.KeyCreated])
		finished := f.times[done.Info.ID]
		if err != nil || finished.Before(created) || time.Since(finished) > time.Minute {
			t.Errorf("created %s, finished %s, %v", created, finished, err)
		}
	}
}

// A form of many files needs few descriptors, also when it is finished.
func TestDraftsNeedFewDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc, which only Linux has")
	}
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		f := len(all)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	most := 0
	f := openFolder(t, t.TempDir(), beforeEvent(func(string) error { most = max(most, count()); return nil }))
	before := count()
	drafts := f.drafts(make([]string, 200)...)
	most = max(most, count())
	for _, done := range f.finishDrafts(drafts) {
		f.must(done.Err)
	}
	if most > before+2*draftsAtOnce {
		t.Errorf("%d descriptors, %d before", most, before)
	}
}

// What can't be removed will be finished by a sweep: its client must not hear that
// nothing is kept.
func TestDraftsThatCanNotBeRemoved(t *testing.T) {
	broken := false
	f := openFolder(t, t.TempDir(), func(o *Options) {
		o.Journal = 1 << 20
		o.Waiting = func(string, time.Time) (bool, error) {
			if broken {
				return false, errors.New("no outbox")
			}
			return false, nil
		}
	}, beforeEvent(func(string) error {
		if broken {
			return errors.New("no outbox")
		}
		return nil
	}))
	drafts := f.drafts("one", "two")
	broken = true
	for _, done := range f.finishDrafts(drafts) {
		if done.Err == nil || !done.Unsure {
			t.Errorf("%+v", done)
		}
	}
	broken = false
	if n, err := f.Sweep(t.Context()); err != nil || n.Finished != 2 {
		t.Errorf("%+v %v", n, err)
	}
}
