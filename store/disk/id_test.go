package disk

import (
	"regexp"
	"strings"
	"testing"

	"plateau/store"
)

func TestNewID(t *testing.T) {
	seen := make(map[string]bool)
	for _, prefix := range []string{"", "a", strings.Repeat("a-_9", 8)} {
		ctx := store.WithRequest(t.Context(), &store.Request{IDPrefix: prefix})
		before := ""
		if prefix != "" {
			before = prefix + "--"
		}
		shape := regexp.MustCompile(`\A` + before + `[0-9a-f]{32}\z`)
		for range 300 {
			id := newID(ctx)
			if !shape.MatchString(id) || seen[id] || !validID(id) || !ownID(id) {
				t.Fatalf("the id %q is not 32 hex digits behind the prefix %q, comes twice, or isn't known again", id, prefix)
			}
			seen[id] = true
			if final := finalID([]string{id, "x"}); !shape.MatchString(final) {
				t.Fatalf("the final of %q is %q", id, final)
			}
		}
	}
	for _, other := range []string{"", "report", "b-0123456789abcdef0123456789abcdef", "1--0123456789abcdef0123456789abcdef", "--0123456789abcdef0123456789abcdef"} {
		if ownID(other) {
			t.Errorf("%q is taken for an id of ours", other)
		}
	}
}

// Different lists of parts are different finals: the order counts, and where
// one id ends and the next begins.
func TestFinalID(t *testing.T) {
	seen := make(map[string][]string)
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"c", "ab"}, {"a", "b", "c"}, {"ab"}, {}} {
		id := finalID(parts)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the same final upload", parts, other)
		}
		seen[id] = parts
		if id != finalID(parts) || len(id) != 32 {
			t.Errorf("the final upload of %q is %q", parts, id)
		}
	}
}
