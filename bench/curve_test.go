package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAWriterForEachUploadIsLeftBehind has the seed and the broker run as they do when they are measured.
func TestAWriterForEachUploadIsLeftBehind(t *testing.T) {
	const uploads = 200
	folder := t.TempDir()
	seed, fake := filepath.Join(folder, "seed"), filepath.Join(folder, "broker")
	for _, binary := range []string{seed, fake} {
		if err := goBuild(t.Context(), ".", binary, "./"+filepath.Base(binary)); err != nil {
			t.Fatal(err)
		}
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 100_000/16)
	for _, try := range []struct {
		mends []string
		leaks bool
	}{{nil, true}, {[]string{"-one-writer"}, false}} {
		c := &comparison{
			bench: bench{work: t.TempDir(), short: true, progress: t.Output(), content: content},
			fake:  fake, uploads: uploads,
		}
		drawn, err := c.curve(t.Context(), subject{
			name: "seed", server: seedServer(seed, try.mends...), method: byForm, events: true, leaves: 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%q: %d uploads, %.0f goroutines and %.0f files left, %.1f MB at most, %.1f at the end",
			try.mends, drawn.uploads, drawn.goroutines, drawn.files, drawn.peak/megabyte, drawn.end/megabyte)
		each := float64(drawn.uploads)
		if leaks := drawn.goroutines >= 3.5*each && drawn.files >= 1.9*each; leaks != try.leaks {
			t.Errorf("%q: %.0f goroutines and %.0f files after %.0f uploads", try.mends, drawn.goroutines, drawn.files, each)
		}
		if clean := drawn.goroutines <= 50 && drawn.files <= 50; clean == try.leaks {
			t.Errorf("%q: %.0f goroutines and %.0f files after %.0f uploads", try.mends, drawn.goroutines, drawn.files, each)
		}
		// The end is measured after the last look at the peak.
		if drawn.uploads < uploads || len(drawn.delays) == 0 || drawn.cpu <= 0 || drawn.peak < 0.9*drawn.end || drawn.end <= 0 {
			t.Errorf("%q: the curve is %+v", try.mends, drawn)
		}
		if n := len(drawn.done); n < 150 || drawn.done[0] != 0 || drawn.done[n-1] != uploads || !slices.IsSorted(drawn.done) {
			t.Errorf("%q: samples at %g", try.mends, drawn.done)
		}
	}
}

func TestCurveSlopeLeavesTheWarmUpOut(t *testing.T) {
	c := curve{uploads: 300, done: []float64{0, 50, 100, 200, 300}, resident: []float64{0, 5000, 1000, 1200, 1400}}
	if got := c.slope(); math.Abs(got-2) > 1e-9 {
		t.Errorf("%g bytes an upload, want 2", got)
	}
}

func TestInOrder(t *testing.T) {
	x, y := []float64{3, 1, 2}, []float64{30, 10, 20}
	inOrder(x, y)
	if fmt.Sprint(x, y) != "[1 2 3] [10 20 30]" {
		t.Errorf("%g %g", x, y)
	}
}

func TestKeeperChecksAndEmptiesFiles(t *testing.T) {
	content := []byte("the content")
	folder := t.TempDir()
	keep := keeper(folder, content)
	for id, text := range map[string]string{"good": "the content", "short": "the conten", "other": "the cOntent"} {
		if err := os.WriteFile(filepath.Join(folder, id), []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]string{"none": "has no file", "short": "10 bytes, not 11"} {
		if err := keep(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", id, err, want)
		}
	}
	if err := keep("other"); err == nil || !strings.Contains(err.Error(), "not those sent") {
		t.Errorf("other: %v", err) // the first one is compared
	}
	if err := keep("good"); err != nil {
		t.Error(err)
	}
	stat, err := os.Stat(filepath.Join(folder, "good"))
	if err != nil || stat.Size() != 0 || stat.Mode() != 0o444 {
		t.Errorf("left with %d bytes, %v (%v)", stat.Size(), stat.Mode(), err)
	}
}

func TestMostUploadsLeaveRoomForConnections(t *testing.T) {
	if most, _ := mostUploads(0); most < math.MaxInt {
		t.Errorf("nothing is left open, but it's %d", most)
	}
	most, limit := mostUploads(2)
	if limit == 0 || uint64(2*most+spareFiles) > max(limit, spareFiles) {
		t.Errorf("%d uploads under a limit of %d files", most, limit)
	}
}

func TestMemoryPage(t *testing.T) {
	c := &comparison{bench: bench{work: t.TempDir()}, subjects: subjects("/x/seed", "/x/plateau", "/x/tusd"), uploads: 3000}
	var curves []curve
	for i, s := range c.subjects {
		curves = append(curves, curve{
			subject: s, uploads: 3000, done: []float64{0, 1000, 2000, 3000}, resident: []float64{1e7, 2e7, 3e7, 4e7},
			peak: 5e7, end: 4e7, left: 3e7, goroutines: 12_345, files: 6, delays: []float64{.010 + .001*float64(i)}, cpu: 1.5,
		})
	}
	curves[0].limit = 6500
	page := memoryPage(c, curves, check(claimed(curves), claims(3000)), "some/memory.svg", time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{
		"](memory.svg)", "on 2026-11-29", "| a | the seed ", "| 50.0 ", "| +10.00 ", "| 12,345 ", "NOT met",
		"`seed -listen 127.0.0.1:PORT -folder FOLDER/uploads -max-memory 0 --kafka-brokers 127.0.0.1:KAFKA --kafka-topic statusNew`",
		"stopped after 3,000 uploads: each leaves 2 files open, and only 6,500 may be open",
		"the median went from 10.0 to 13.0 ms: +30 %",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page doesn't have %q:\n%s", want, page)
		}
	}
	drawn := picture(curves, 3000)
	if len(drawn.lines) != len(curves) || drawn.lines[0].y[3] != 40 || drawn.lines[0].note != "40 MB (peak 50)" {
		t.Errorf("the picture is %+v", drawn)
	}
}

func TestClaimsKnowTheServers(t *testing.T) {
	known := map[string]bool{}
	for _, s := range subjects("", "", "") {
		known[s.name] = true
	}
	for _, n := range []int{300, 8000} {
		for _, f := range claims(n) {
			if !known[f.server] {
				t.Errorf("there is a claim about %q", f.server)
			}
		}
	}
}
