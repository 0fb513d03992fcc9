package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const sector = 512

// disk is what a power cut leaves of the files: what was synced, and of what was
// written since some sectors, in no order.
type disk struct {
	mu      sync.Mutex // guards what follows
	durable map[string][]byte
	pending map[string][]unsynced
	cut     bool
}

type unsynced struct {
	offset int64
	bytes  []byte
}

// under makes a journal use the disk.
func (d *disk) under(o *Options) {
	o.write = func(f *os.File, b []byte, offset int64) error {
		d.mu.Lock()
		d.pending[f.Name()] = append(d.pending[f.Name()], unsynced{offset, append([]byte(nil), b...)})
		d.mu.Unlock()
		_, err := f.WriteAt(b, offset)
		return err
	}
	o.SyncFile = func(f *os.File) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.cut {
			return errors.New("no power")
		}
		for _, w := range d.pending[f.Name()] {
			d.put(f.Name(), w.bytes, w.offset)
		}
		d.pending[f.Name()] = nil
		return nil
	}
}

func (d *disk) put(name string, b []byte, offset int64) {
	file := d.durable[name]
	if end := int(offset) + len(b); end > len(file) {
		file = append(file, make([]byte, end-len(file))...)
	}
	copy(file[offset:], b)
	d.durable[name] = file
}

// fall cuts the power, and writes what is left to a folder.
func (d *disk) fall(t *testing.T, r *rand.Rand, into string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	for name, writes := range d.pending {
		for _, w := range writes {
			for at := 0; at < len(w.bytes); at += sector {
				if r.IntN(2) == 0 {
					d.put(name, w.bytes[at:min(at+sector, len(w.bytes))], w.offset+int64(at))
				}
			}
		}
	}
	for name, text := range d.durable {
		if err := os.WriteFile(filepath.Join(into, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPowerCuts cuts the power at random moments under several writers: what was
// acknowledged and not checkpointed is found whole, and nothing else than what
// was appended.
func TestPowerCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 150 {
		cutOnce(t, rand.New(rand.NewPCG(seed, uint64(round))))
	}
}

func cutOnce(t *testing.T, r *rand.Rand) {
	d := &disk{durable: map[string][]byte{}, pending: map[string][]unsynced{}}
	var mu sync.Mutex // guards what follows
	appended, acknowledged, written, synced := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	j := open(t, t.TempDir(), d.under)
	j.onSync = func() error {
		mu.Lock()
		defer mu.Unlock()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.cut {
			return errors.New("no power")
		}
		for piece := range written {
			synced[piece] = true
		}
		return nil
	}
	j.append("")()
	cutAt := r.IntN(120)
	var counted int
	after := t.TempDir()
	var all sync.WaitGroup
	for w := range 4 {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() {
			for i := range 40 {
				piece := fmt.Sprintf("%d.%d.", w, i) + strings.Repeat("x", own.IntN(40_000))
				mu.Lock()
				appended[piece] = true
				if counted++; counted == cutAt {
					d.fall(t, r, after)
				}
				mu.Unlock()
				done, err := j.put(piece)
				if err != nil {
					continue
				}
				mu.Lock()
				d.mu.Lock()
				if !d.cut {
					acknowledged[piece] = true
				}
				written[piece] = true
				d.mu.Unlock()
				mu.Unlock()
				done()
			}
		})
	}
	all.Wait()
	if cutAt == 0 || counted < cutAt {
		d.fall(t, r, after)
	}
	j.crash()
	again := open(t, after, at("elsewhere"))
	found := map[string]bool{}
	if err := again.Recover(func(piece []byte) error { found[string(piece)] = true; return nil }); err != nil {
		t.Error(err)
	}
	again.close()
	for piece := range found {
		if piece != "" && !appended[piece] {
			t.Errorf("found what nobody appended: %d bytes, %.10q", len(piece), piece)
		}
	}
	for piece := range acknowledged {
		if !found[piece] && !synced[piece] {
			t.Errorf("the piece %.6s… of %d bytes was acknowledged and is lost", piece, len(piece))
		}
	}
}

func FuzzRecover(f *testing.F) {
	whole, err := appendEntry(head{7, "here"}.bytes(), 7, 3, func(b []byte) error { copy(b, "abc"); return nil })
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(padded(whole))
	f.Add([]byte("no journal"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "0"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, dir, at("elsewhere"))
		size := 0
		if err := j.Recover(func(piece []byte) error { size += len(piece); return nil }); err != nil {
			t.Error(err)
		}
		if size > len(text) {
			t.Errorf("%d bytes are found in %d", size, len(text))
		}
		j.append("afterwards")()
		j.close()
	})
}
