package disk

import (
	"regexp"
	"testing"
)

func TestNewID(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := newID()
		if !regexp.MustCompile(`\A[0-9a-f]{32}\z`).MatchString(id) || seen[id] {
			t.Fatalf("the id %q is not 32 hex digits, or comes twice", id)
		}
		seen[id] = true
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
