package profiling

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/pprof/profile"
)

// flamePatience is how long a page waits for what runs before it.
const flamePatience = 30 * time.Second

// flames takes profiles and shows them as flame graphs.
type flames struct {
	kinds      []flameKind
	captures   *Captures // nil: there are none to compare with
	recordings *recordings
	pages      *pages
	collector  *collector
	making     chan struct{} // has room for the profiles that are made at once
	showing    chan struct{} // and this for the pages of them
	views      views
}

func newFlames(o Options, r *recordings, p *pages) *flames {
	giveConfigFolder()
	f := &flames{
		kinds: o.flameKinds(), captures: o.Captures, recordings: r, pages: p,
		making: make(chan struct{}, 2), showing: make(chan struct{}, 2),
	}
	if f.captures != nil {
		f.collector = f.captures.collector
	} else {
		f.collector = newCollector(time.Now)
	}
	return f
}

func (f *flames) mount(mux *http.ServeMux) {
	mux.HandleFunc("/debug/flame", getOnly(f.index))
	mux.HandleFunc("/debug/flame/{$}", getOnly(redirect("../flame")))
	mux.HandleFunc("/debug/flame/{kind}", getOnly(f.take))
	mux.HandleFunc("/debug/flame/{kind}/{$}", getOnly(func(w http.ResponseWriter, r *http.Request) {
		redirect("../"+r.PathValue("kind"))(w, r)
	}))
	mux.HandleFunc("/debug/flame/{kind}/{number}/{$}", getOnly(redirect("flamegraph")))
	mux.HandleFunc("/debug/flame/{kind}/{number}/{page}", getOnly(f.show))
}

// redirect leads to an address relative to the one that was asked for, so that it holds behind a proxy's prefix too.
func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusSeeOther)
	}
}

// index lists the kinds.
func (f *flames) index(w http.ResponseWriter, _ *http.Request) {
	n := notice{Title: "Flame graphs", Text: "Each takes a new profile of this process and shows it."}
	for _, k := range f.kinds {
		n.Links = append(n.Links, link{"flame/" + k.name, k.name, k.shows})
	}
	f.pages.notice(w, http.StatusOK, n)
}

func (f *flames) kind(name string) (flameKind, bool) {
	for _, k := range f.kinds {
		if k.name == name {
			return k, true
		}
	}
	return flameKind{}, false
}

// take takes a profile, keeps it and leads to its pages.
func (f *flames) take(w http.ResponseWriter, req *http.Request) {
	kind, ok := f.kind(req.PathValue("kind"))
	if !ok {
		f.pages.notice(w, http.StatusNotFound, notice{
			Title: "There is no such profile",
			Links: []link{{"../flame", "all kinds", ""}},
		})
		return
	}
	v, err := f.record(req, kind)
	if req.Context().Err() != nil {
		return // nobody would look at it
	}
	if err != nil {
		n := notice{Title: "No " + kind.name + " profile was taken", Text: err.Error(), Links: []link{{kind.name, "try again", ""}}}
		if kind.timed != nil && kind.timed.admit(req.URL.Query()) != nil {
			n.Links = append(n.Links, link{kind.name + "?force=1", "take it all the same", ""})
		}
		f.pages.notice(w, announce(w.Header(), err), n)
		return
	}
	if p, err := profile.ParseData(v.now); err == nil && len(p.Sample) == 0 && v.base == nil {
		f.pages.notice(w, http.StatusOK, notice{
			Title: "The " + kind.name + " profile is empty", Text: kind.empty(),
			Links: []link{{kind.name, "take a new one", ""}, {"../flame", "all kinds", ""}},
		})
		return
	}
	redirect(fmt.Sprintf("%s/%d/flamegraph", kind.name, f.views.keep(v)))(w, req)
}

// record waits for its turn and takes a profile. It ends early when the client leaves.
func (f *flames) record(req *http.Request, kind flameKind) (*view, error) {
	query := req.URL.Query()
	v := &view{kind: kind.name}
	if kind.diffs && f.captures != nil && (query.Has("minutes") || query.Has("since")) {
		if err := f.compare(req, v); err != nil {
			return nil, err
		}
	}
	turn, length := atOnce(kind.name), time.Duration(0)
	if kind.timed != nil {
		var err error
		if length, err = f.recordings.length(query, kind.timed.fallback); err != nil {
			return nil, err
		}
		if err = kind.timed.admit(query); err != nil {
			return nil, err
		}
		turn = kind.timed.name
	}
	waiting, cancel := context.WithTimeout(req.Context(), flamePatience)
	defer cancel()
	done, err := f.recordings.turns.wait(waiting, turn, length)
	if err != nil {
		return nil, err
	}
	defer done()
	select {
	case f.making <- struct{}{}:
		defer func() { <-f.making }()
	case <-waiting.Done():
		return nil, &refusal{http.StatusTooManyRequests, flameSeconds * time.Second, "two other profiles are being taken"}
	}
	if kind.timed != nil {
		t, err := f.recordings.tapes.begin()
		if err != nil {
			return nil, err
		}
		defer t.free()
		if err := kind.timed.record(req.Context(), t, nil, length); err != nil {
			return nil, err
		}
		v.now = t.bytes()
		return v, nil
	}
	if kind.fresh {
		if err := f.collector.begin(req.Context()); err != nil {
			return nil, err
		}
		defer f.collector.end()
	}
	v.now, err = snapshot(kind.name)
	return v, err
}

// compare finds what is to be subtracted.
func (f *flames) compare(req *http.Request, v *view) error {
	since, err := reach(req.URL.Query())
	if err != nil {
		return err
	}
	old := f.captures.before(f.captures.opts.Now(), since)
	if old == nil {
		return &refusal{http.StatusServiceUnavailable, time.Minute, ErrNoCapture.Error()}
	}
	if v.base = old.Heap; v.kind == "goroutine" {
		if v.base = old.Goroutine; v.base == nil {
			return &refusal{status: http.StatusServiceUnavailable, why: fmt.Sprintf(
				"there were %s goroutines then, too many to keep what each did", count(int64(old.Goroutines)))}
		}
	}
	return nil
}

// show shows one of the pages of a profile that was taken.
func (f *flames) show(w http.ResponseWriter, req *http.Request) {
	name, page := req.PathValue("kind"), req.PathValue("page")
	number, err := strconv.Atoi(req.PathValue("number"))
	kind, known := f.kind(name)
	var v *view
	if err == nil {
		v = f.views.find(name, number)
	}
	switch {
	case v == nil && known:
		f.pages.notice(w, http.StatusNotFound, notice{
			Title: "This profile is gone",
			Text:  fmt.Sprintf("The last %d are kept, for %s.", viewsKept, lasting(viewsFor)),
			Links: []link{{"../../" + name, "take a new one", kind.shows}, {"../../../flame", "all kinds", ""}},
		})
		return
	case v == nil || !shown(page):
		f.pages.notice(w, http.StatusNotFound, notice{
			Title: "There is no such page",
			Text:  "A profile has flamegraph, top, peek and download.",
			Links: []link{{"../../../flame", "all kinds", ""}},
		})
		return
	}
	select {
	case f.showing <- struct{}{}:
		defer func() { <-f.showing }()
	case <-req.Context().Done():
		return
	}
	pages, err := web(v.now, v.base)
	if err != nil {
		f.pages.notice(w, http.StatusInternalServerError, notice{Title: "This profile cannot be shown", Text: err.Error()})
		return
	}
	if page == "download" {
		w.Header().Set("Cache-Control", "no-store")
		pages["/"+page].ServeHTTP(w, req)
		return
	}
	f.pages.dress(w, req, pages["/"+page])
}

// shown tells which of the driver's pages are served. Its others run programs, or read and write files.
func shown(page string) bool {
	switch page {
	case "flamegraph", "top", "peek", "download":
		return true
	default:
		return false
	}
}
