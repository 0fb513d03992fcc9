package spool

import (
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPart writes a part of 8 MiB and reads it back as a sender does.
func BenchmarkPart(b *testing.B) {
	const part = 8 << 20
	read := struct{ io.Writer }{io.Discard} // which would read in pieces of its own
	for _, block := range []int{16 << 10, 256 << 10, 1 << 20} {
		for _, reused := range []bool{true, false} {
			b.Run(fmt.Sprintf("block=%dKiB/reused=%t", block>>10, reused), func(b *testing.B) {
				s := open(b, 1000, nil)
				from, to := content(1, int64(block)), make([]byte, 32<<10)
				b.SetBytes(part)
				before := cpu()
				for b.Loop() {
					f := s.Take(part, nil)
					for range part / block {
						write(b, f, from)
					}
					if _, err := io.CopyBuffer(read, io.NewSectionReader(f, 0, part), to); err != nil {
						b.Fatal(err)
					}
					f.Release()
					if !reused {
						if err := s.closeFree(); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric((cpu()-before).Seconds()/float64(b.N)/part*(1<<30), "cpu-s/GB")
			})
		}
	}
}

// BenchmarkSmall is a whole small content: in memory, in a file that is reused, in a
// new one.
func BenchmarkSmall(b *testing.B) {
	for _, size := range []int64{512, 4 << 10, 16 << 10, 64 << 10} {
		for _, where := range []string{"memory", "reused", "new"} {
			b.Run(fmt.Sprintf("size=%d/%s", size, where), func(b *testing.B) {
				s := open(b, 1000, nil)
				from, to := content(1, size), make([]byte, size)
				expected := int64(-1)
				if where == "memory" {
					expected = size
				}
				b.ReportAllocs()
				for b.Loop() {
					f := s.Take(expected, nil)
					write(b, f, from)
					if _, err := f.ReadAt(to, 0); err != nil {
						b.Fatal(err)
					}
					f.Release()
					if where == "new" {
						if err := s.closeFree(); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
