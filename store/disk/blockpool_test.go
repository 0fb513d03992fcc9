package disk

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

func TestBlockPool(t *testing.T) {
	const n = 3
	p := newBlockPool(n)
	seen := make(map[*byte]bool)
	var mu sync.Mutex
	lent, most := 0, 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				b := p.get()
				mu.Lock()
				seen[&b[0]] = true
				lent++
				most = max(most, lent)
				mu.Unlock()
				runtime.Gosched() // so that others ask meanwhile
				if len(b) != blockSize {
					t.Errorf("a block of %d bytes", len(b))
				}
				mu.Lock()
				lent--
				mu.Unlock()
				p.put(b)
			}
		})
	}
	all.Wait()
	if len(seen) > n || most > n {
		t.Errorf("%d blocks were made and %d lent at a time, the bound is %d", len(seen), most, n)
	}

	// What was given back last is lent first: a quiet server touches one block.
	last := p.get()
	p.put(last)
	if again := p.get(); &again[0] != &last[0] {
		t.Error("another block than the last")
	}
}

func TestBlockPoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBlockPool(1)
		b := p.get()
		got := make(chan []byte, 1)
		go func() { got <- p.get() }()
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("a second block was lent")
		}
		p.put(b)
		if again := <-got; &again[0] != &b[0] {
			t.Error("another block was made")
		}
	})
}
