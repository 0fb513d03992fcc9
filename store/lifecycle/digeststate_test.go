package lifecycle

import (
	"strings"
	"testing"
)

// FuzzDigestState: whatever stands in a record, a state is restored exactly or
// not at all.
func FuzzDigestState(f *testing.F) {
	d := NewDigest()
	d.Feed([]byte("abc"))
	good, err := d.State("boot")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", " ", "3 boot ", "-1 boot AAAA", good, strings.Replace(good, "3", "4", 1), good + "A"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := RestoreDigest(text, "boot", 1<<40)
		if err != nil {
			return
		}
		again, err := d.State("boot")
		if err != nil {
			t.Fatal(err)
		}
		if back, err := RestoreDigest(again, "boot", d.Offset); err != nil || back.Sum() != d.Sum() {
			t.Errorf("%q came back as %q", text, again)
		}
		if _, err := RestoreDigest(again, "elsewhere", d.Offset); err == nil {
			t.Error("a state of another place was believed")
		}
	})
}
