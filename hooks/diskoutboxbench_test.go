package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"plateau/hooks"
)

// BenchmarkDiskOutboxDrain claims and removes b.N entries, in batches of 500, as
// the relay does: go test ./hooks -run - -bench Drain -benchtime 200000x.
func BenchmarkDiskOutboxDrain(b *testing.B) {
	for name, minutes := range map[string]int{"one minute": 1, "20 minutes": 20, "2000 minutes": 2000} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			fill(b, dir, b.N, minutes)
			o, err := hooks.OpenDiskOutbox(hooks.DiskOutboxOptions{Dir: filepath.Join(dir, "outbox"), Records: filepath.Join(dir, "uploads"), Durable: true})
			if err != nil {
				b.Fatal(err)
			}
			defer o.Close()
			b.ResetTimer()
			start, done := time.Now(), 0
			for {
				entries, err := o.Claim(b.Context(), 500, 2<<20, time.Now().Add(time.Hour))
				if err == nil {
					err = o.Remove(b.Context(), entries)
				}
				if err != nil {
					b.Fatal(err)
				}
				if len(entries) == 0 {
					break
				}
				done += len(entries)
			}
			if done != b.N {
				b.Fatalf("drained %d of %d", done, b.N)
			}
			b.ReportMetric(float64(done)/time.Since(start).Seconds(), "events/s")
			b.StopTimer()
			left, err := os.ReadDir(filepath.Join(dir, "outbox", "pending"))
			if err != nil || len(left) > 0 {
				b.Errorf("%d folders are left (%v)", len(left), err)
			}
		})
	}
}

// fill makes an outbox with entries that a server left, and their records.
func fill(tb testing.TB, dir string, count, minutes int) {
	tb.Helper()
	uploads := filepath.Join(dir, "uploads")
	if err := os.MkdirAll(uploads, 0o777); err != nil {
		tb.Fatal(err)
	}
	start := time.Date(2026, 11, 20, 5, 41, 0, 0, time.UTC)
	perMinute := (count + minutes - 1) / minutes
	for n := range count {
		at := start.Add(time.Duration(n/perMinute)*time.Minute + time.Duration(n%perMinute)*(time.Minute/time.Duration(perMinute)))
		id := fmt.Sprintf("%032x", n*7919)
		record := filepath.Join(uploads, id+".info")
		text := `{"ID":"` + id + `","Size":4096,"SizeIsDeferred":false,"Offset":0,"MetaData":{"filename":"video.mp4","filetype":"video/mp4"},"IsPartial":false,"IsFinal":false,"PartialUploads":null,"Storage":{"Created":"2026-11-28T05:41:07Z","Owner":"alice","Plateau":"1","Type":"filestore"}}`
		folder := filepath.Join(dir, "outbox", "pending", at.Format("2006-01-02T1504"))
		if n%perMinute == 0 {
			if err := os.MkdirAll(folder, 0o777); err != nil {
				tb.Fatal(err)
			}
		}
		if err := os.WriteFile(record, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		if err := os.Link(record, filepath.Join(folder, at.Format("20060102T150405.000000000Z")+"-"+id)); err != nil {
			tb.Fatal(err)
		}
	}
}
