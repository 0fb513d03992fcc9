package profiling_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"plateau/profiling"
)

func named(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// kinds are what of a capture was saved: the last word of each name, without its ending.
func kinds(paths []string) []string {
	var all []string
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".pb.gz")
		all = append(all, name[strings.LastIndexByte(name, '-')+1:])
	}
	return all
}

func TestEvidence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	turns := 0
	e := profiling.Evidence{
		Folder: newFolder(t, profiling.FolderOptions{Path: path}),
		Sample: 300 * time.Millisecond,
		Turn:   func() (func(), bool) { turns++; return func() { turns-- }, true },
	}
	heap, goroutines := named(t, "heap"), named(t, "goroutine")
	paths, err := e.Save(t.Context(), "heap-rising", heap, goroutines)
	if err != nil || !slices.Equal(kinds(paths), []string{"heap", "goroutine"}) {
		t.Fatalf("%v, %v", paths, err)
	}
	more, err := e.SaveSample(t.Context(), "heap-rising")
	if err != nil || turns != 0 || !slices.Equal(kinds(more), []string{"fgprof"}) {
		t.Fatalf("%v, %v, %d turns not given back", more, err, turns)
	}
	paths = append(paths, more...)
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := profile.ParseData(data); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		if _, err := gzip.NewReader(bytes.NewReader(data)); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}

	left, leave := context.WithCancel(t.Context())
	leave()
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*profiling.Evidence)
	}{
		"too many goroutines": {t.Context(), func(e *profiling.Evidence) { e.MaxGoroutines = 1 }},
		"not its turn":        {t.Context(), func(e *profiling.Evidence) { e.Turn = func() (func(), bool) { return nil, false } }},
		"nobody waits":        {left, func(*profiling.Evidence) {}},
	} {
		other := e
		c.change(&other)
		if paths, err := other.SaveSample(c.ctx, "heap"); err != nil || len(paths) > 0 {
			t.Errorf("%s: %v, %v", name, paths, err)
		}
	}

	if paths, err := e.Save(left, "heap", heap, nil); err != nil || !slices.Equal(kinds(paths), []string{"heap"}) {
		t.Errorf("what was captured in time: %v, %v", paths, err)
	}
	if paths, err := e.Save(t.Context(), "heap", nil, nil); err != nil || len(paths) > 0 {
		t.Errorf("nothing: %v, %v", paths, err)
	}

	e.Folder = newFolder(t, profiling.FolderOptions{Path: filepath.Join(path, "nowhere", "captures")})
	if paths, err := e.Save(t.Context(), "heap", heap, goroutines); err == nil || len(paths) > 0 {
		t.Errorf("%v, %v", paths, err)
	}
	if _, err := (profiling.Evidence{}).Save(t.Context(), "heap", heap, goroutines); err == nil {
		t.Error("without a folder")
	}
	if _, err := (profiling.Evidence{}).SaveSample(t.Context(), "heap"); err == nil {
		t.Error("without a folder")
	}
}

// TestEvidenceEnds: sampling ends with whoever asked.
func TestEvidenceEnds(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	e := profiling.Evidence{
		Folder: newFolder(t, profiling.FolderOptions{Path: filepath.Join(t.TempDir(), "captures")}),
		Sample: time.Hour,
		Turn:   func() (func(), bool) { leave(); return func() {}, true },
	}
	soon(t, "the sample", func() { _, _ = e.SaveSample(ctx, "heap") }) // no sample may have been taken, which is an error
}
