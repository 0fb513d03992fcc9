package server

import (
	"strings"
	"testing"
)

func TestAcceptsProblem(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                                  false,
		"*/*":                               false,
		"text/plain":                        false,
		"application/json":                  false,
		"application/json, text/plain, */*": false, // axios
		"application/problem+json":          true,
		"Application/Problem+JSON; charset=utf-8":    true,
		"application/problem+json, */*":              true,
		"*/*, application/problem+json":              true,
		"application/problem+json, text/plain":       false, // both the same to it
		"application/problem+json, text/*":           true,
		"application/problem+json;q=0.9, text/plain": false,
		"application/problem+json; q=0.9, */*;q=0.8": true,
		"application/problem+json;q=0.1, */*":        false,
		"application/problem+json;q=0":               false,
		"application/problem+json;q=0.000, */*;q=0":  false,
		"application/problem+json;q=1.001":           false,
		"application/problem+json;q=0x1":             false,
		"application/problem+json;q=NaN":             false,
		"application/problem+json;q=":                false,
		"application/problem+json;q=.5":              false,
		"application/problem+json;q=1.":              true,
		"application/*":                              true,
		"application/*, */*":                         true,
		"application/*;q=0.5, */*":                   false,
		"text/*;q=0.3, */*;q=0.5":                    true, // text is worth less than what it doesn't name
		"application/problem+json;q=0.2;Q=1":         true,
		"application/problem+json;a=\"b,c\";q=0.5":   true, // the quotes are not read; both halves may count
		",,;;,": false,
	} {
		if got := acceptsProblem([]string{accept}); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
	if acceptsProblem(nil) || !acceptsProblem([]string{"*/*", "application/problem+json"}) {
		t.Error("no header, or two")
	}
	if n := testing.AllocsPerRun(100, func() { acceptsProblem([]string{"*/*"}) }); n > 0 {
		t.Errorf("what tus clients send costs %v allocations", n)
	}
}

// Who doesn't name a problem, by name or by its family, never gets one but where text is
// refused; who names it alone always does.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"", "*/*", "application/problem+json;q=0.5,text/plain;q=0.4", "text/*;q=0.3, */*;q=0.5", "application/*;q=1.000", "a;q=\"", ";q=;", "*/*;q=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		named := acceptsProblem([]string{accept})
		if lower := strings.ToLower(accept); named && !strings.Contains(lower, "application/") && !strings.Contains(lower, "text/") {
			t.Errorf("%q is taken for a problem", accept)
		}
		if split := acceptsProblem(strings.Split(accept, ",")); split != named {
			t.Errorf("%q on lines of its own: %v, want %v", accept, split, named)
		}
		if w, ok := weightOf(accept); w < 0 || w > 1000 || !ok && w != 0 {
			t.Errorf("%q weighs %d, %v", accept, w, ok)
		}
	})
}
