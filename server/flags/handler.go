package flags

import (
	"encoding/json"
	"net/http"
)

// shown is one flag as /debug/flags shows it.
type shown struct {
	Value   any    `json:"value"`
	Default any    `json:"default"`
	Bounds  any    `json:"bounds"`
	Source  string `json:"source"`
	Unit    string `json:"unit,omitempty"`
}

// ServeHTTP answers GET with a JSON object: each flag by its name, and beside them, as "sources", how each source does. The
// client key isn't in it.
func (f *Flags) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	text, err := json.MarshalIndent(f.show(), "", "  ")
	if err != nil {
		http.Error(w, "encode the flags: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append(text, '\n')) // a client that has left hears nothing
}

func (f *Flags) show() map[string]any {
	now := f.now.Load()
	all := map[string]any{}
	for i, flag := range f.table {
		s := shown{
			Value: flag.show(now.values), Default: flag.show(f.opts.Defaults),
			Bounds: flag.words, Source: now.origins[i], Unit: flag.unit,
		}
		if flag.bounds != nil {
			s.Bounds = flag.bounds
		}
		all[flag.name] = s
	}
	sources := map[string]status{}
	for _, s := range now.sources {
		sources[s.Name] = s
	}
	all["sources"] = sources
	return all
}
