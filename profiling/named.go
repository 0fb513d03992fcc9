package profiling

import (
	"maps"
	"net/http"
	httppprof "net/http/pprof"
	"runtime/pprof"
	"strings"
)

// atOnce is the turn of a profile that takes no time, beside which one of the same kind that does may run.
func atOnce(name string) (kind string) { return name + " now" }

// named serves the index and the named profiles. With ?seconds= such a profile is the difference over that time.
func (r *recordings) named(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/debug/pprof/")
	if pprof.Lookup(name) == nil {
		httppprof.Index(w, req)
		return
	}
	t, err := r.tapes.begin()
	if err != nil {
		refuse(w, err)
		return
	}
	defer t.free()
	made := &held{http.Header{}, http.StatusOK, t}
	if err := r.inTurn(made, req, name); err != nil {
		refuse(w, err)
		return
	}
	if !t.end() {
		refuse(w, &refusal{status: http.StatusServiceUnavailable, why: errTapeFull.Error()})
		return
	}
	maps.Copy(w.Header(), made.header)
	t.send(w, made.status)
}

// inTurn makes a named profile in its turn, which is over when it returns.
func (r *recordings) inTurn(w http.ResponseWriter, req *http.Request, name string) error {
	query := req.URL.Query()
	var done func()
	var err error
	if query.Has("seconds") {
		done, _, err = r.begin(recorder{name: name}, query)
	} else {
		done, err = r.turns.waitShortly(req.Context(), atOnce(name))
	}
	if err != nil {
		return err
	}
	defer done()
	httppprof.Index(w, req)
	return nil
}
