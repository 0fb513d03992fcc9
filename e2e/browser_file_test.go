package e2e

import (
	"os"
	"regexp"
	"testing"
	"time"
)

// TestFileGoneOrChanged deletes one file and changes another on the disk while the page uploads them. The page says so and what
// to do, and does not go on trying: no request follows.
func TestFileGoneOrChanged(t *testing.T) {
	t.Parallel()
	const size, held = 20_000_000, 3_000_000
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	gone, _ := source(t, random, dir, "gone.bin", size)
	changed, _ := source(t, random, dir, "changed.bin", size)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(gone, changed)
	for _, name := range []string{"gone.bin", "changed.bin"} {
		s.awaitSize(s.upload(name).ID, held)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.proxy.cut()
	p.waitState("error")
	p.waitFor(`document.querySelectorAll('.uppy-Dashboard-Item.is-error').length === 2`)
	for name, words := range map[string]*regexp.Regexp{
		"gone.bin":    regexp.MustCompile(`(?i)deleted|moved|gone|no longer|be (found|read)`),
		"changed.bin": regexp.MustCompile(`(?i)changed`),
	} {
		if said := p.errorOf(name); !words.MatchString(said) {
			t.Errorf("of %s the page says %q, want %s", name, said, words)
		}
	}
	p.wantPlainWords()

	before := len(s.proxy.seen(""))
	quiet(t, 3*time.Second) // the first retries would come after 0, 0.5 and 1 s
	if after := s.proxy.seen("")[before:]; len(after) > 0 {
		t.Errorf("the page goes on trying: %s %s", after[0].method, after[0].path)
	}
	s.wantCreated(2)

	// Chosen again, as the page says, they are uploaded as they are now.
	sums := map[string]string{}
	for _, name := range []string{"gone.bin", "changed.bin"} {
		_, sums[name] = source(t, random, dir, name, 1_000_000)
	}
	p.add(gone, changed)
	p.waitFinished("gone.bin", "changed.bin")
	p.waitState("done")
	whole := 0
	for _, r := range records(t, s.server.uploads()) {
		if sealed(s.server.uploads(), r.ID) {
			s.wantWhole(r.ID, sums[r.MetaData["filename"]])
			whole++
		}
	}
	if whole != 2 {
		t.Errorf("%d uploads are whole, want 2", whole)
	}
}

// quiet lets time pass in which nothing is to happen. It is for that only: what is to happen is awaited.
func quiet(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
