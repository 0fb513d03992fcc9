package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// summing opens a store that sums uploads up, and counts what it reads again.
func summing(t *testing.T, dir string) (*folder, *atomic.Int64) {
	t.Helper()
	var reread atomic.Int64
	return openUnclosed(t, dir, func(o *Options) {
		o.Digest, o.Durable = "sha256", false
		o.Reread = func(n int64) { reread.Add(n) }
	}), &reread
}

func (f *folder) wantSum(id, content string) {
	f.t.Helper()
	sum := sha256.Sum256([]byte(content))
	info := f.record(id)
	if got := info.Storage[store.KeyDigest]; got != "sha256:"+hex.EncodeToString(sum[:]) {
		f.t.Errorf("the record's digest is %q", got)
	}
	if _, left := info.Storage[keyDigestState]; left {
		f.t.Error("the state of the digest is still in the record")
	}
}

// What is read again: nothing after a clean interruption of a large request, the
// little after the last state otherwise, and all of it after a power cut.
func TestDigestReadsAgain(t *testing.T) {
	const large, little = 9 << 20, 1 << 20
	content := strings.Repeat("0123456789abcdef", (large+2*little)/16)
	for _, c := range []struct {
		name   string
		before func(s *Store) // the next request, in the new process
		pieces []int
		want   int64
	}{
		{"in one piece", nil, []int{len(content)}, 0},
		{"after a large piece", nil, []int{large, 2 * little}, 0},
		{"after a large and a little piece", nil, []int{large, little, little}, little},
		{"after a little piece", nil, []int{little, large + little}, little},
		{"after a power cut", func(s *Store) { s.boot = "another" }, []int{large, 2 * little}, large},
		{"where a power cut can't be noticed", func(s *Store) { s.boot = "" }, []int{large, 2 * little}, large},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			f, reread := summing(t, dir)
			id := f.upload(handler.FileInfo{Size: int64(len(content))}, "")
			offset, total := 0, int64(0)
			for _, n := range c.pieces {
				f.must(f.send(id, int64(offset), content[offset:offset+n]))
				offset += n
				total += reread.Load()
				f.must(f.Close(t.Context()))
				f, reread = summing(t, dir)
				if c.before != nil {
					c.before(f.Store)
				}
			}
			f.wantSum(id, content)
			f.must(f.Close(t.Context()))
			if total != c.want {
				t.Errorf("%d bytes were read again, want %d", total, c.want)
			}
		})
	}
}

// A crash between the last byte and the finish: the next finish reads what the
// last state has not seen.
func TestDigestAfterCrash(t *testing.T) {
	const large, little = 9 << 20, 1000
	content := strings.Repeat("x", large) + strings.Repeat("y", little)
	f, reread := summing(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: int64(len(content))}, "")
	f.must(f.send(id, 0, content[:large]))
	file, err := os.OpenFile(f.path(id), os.O_WRONLY|os.O_APPEND, 0)
	f.must(err)
	_, err = file.WriteString(content[large:])
	f.must(err)
	f.must(file.Close())
	f.sweep()
	f.wantSum(id, content)
	if reread.Load() != little {
		t.Errorf("%d bytes were read again, want %d", reread.Load(), little)
	}
	f.must(f.Close(t.Context()))
}

// Bytes that are taken back must leave no state that has seen them.
func TestDigestForgets(t *testing.T) {
	f, _ := summing(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 20 << 20}, "")
	f.must(f.send(id, 0, strings.Repeat("a", 9<<20)))
	u, err := f.open(id)
	f.must(err)
	if u.info.Storage[keyDigestState] == "" {
		t.Fatal("no state was saved")
	}
	f.must(u.forgetDigest(9 << 20))
	if f.record(id).Storage[keyDigestState] == "" {
		t.Error("a state that has seen nothing beyond the offset was forgotten")
	}
	f.must(u.forgetDigest(9<<20 - 1))
	if f.record(id).Storage[keyDigestState] != "" {
		t.Error("a state that has seen more is still there")
	}
	f.must(f.Close(t.Context()))
}

// However long it takes to read a final, its finish has all of its time: else a
// large one would be made, be read for a while and be removed, for ever.
func TestDigestOfLargeFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFolder(t, t.TempDir(), func(o *Options) {
			o.Digest = "sha256"
			o.Reread = func(int64) { time.Sleep(2 * time.Minute) } // longer than a finish may take
		})
		text := strings.Repeat("x", 2*digestBlock)
		id, err := f.concat(len(text)+1, f.part(text), f.part("y"))
		f.must(err)
		f.wantSum(id, text+"y")
	})
}
