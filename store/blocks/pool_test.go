package blocks

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

func TestPool(t *testing.T) {
	const n = 3
	p := New(Default, n*Default)
	seen := make(map[*byte]bool)
	var mu sync.Mutex
	lent, most := 0, 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				b := p.Get()
				mu.Lock()
				seen[&b[0]] = true
				lent++
				most = max(most, lent)
				mu.Unlock()
				runtime.Gosched() // so that others ask meanwhile
				if len(b) != Default {
					t.Errorf("a block of %d bytes", len(b))
				}
				mu.Lock()
				lent--
				mu.Unlock()
				p.Put(b)
			}
		})
	}
	all.Wait()
	if len(seen) > n || most > n {
		t.Errorf("%d blocks were made and %d lent at a time, the bound is %d", len(seen), most, n)
	}

	// What was given back last is lent first: a quiet server touches one block.
	last := p.Get()
	p.Put(last)
	if again := p.Get(); &again[0] != &last[0] {
		t.Error("another block than the last")
	}
}

func TestPoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Default, Default)
		b := p.Get()
		got := make(chan []byte, 1)
		go func() { got <- p.Get() }()
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("a second block was lent")
		}
		p.Put(b)
		if again := <-got; &again[0] != &b[0] {
			t.Error("another block was made")
		}
	})
}

// What is lent changes at once, also for who waits; what was lent before counts
// until it is back.
func TestPoolResizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(100, 100)
		old := p.Get()
		got := make(chan []byte, 2)
		for range 2 {
			go func() { got <- p.Get() }()
		}
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("a second block was lent")
		}
		p.Resize(50, 150)
		synctest.Wait()
		if len(got) != 1 {
			t.Fatalf("%d blocks of 50 bytes were lent beside one of 100, with 150 allowed", len(got))
		}
		p.Put(old)
		synctest.Wait()
		if len(got) != 2 {
			t.Fatal("what a large block left was not lent")
		}
		p.Resize(200, 10)
		for range 2 {
			b := <-got
			if len(b) != 50 {
				t.Errorf("a block of %d bytes", len(b))
			}
			p.Put(b)
		}
		if b := p.Get(); len(b) != 200 { // one is always lent
			t.Errorf("a block of %d bytes", len(b))
		}
		if len(p.free) != 0 || p.lent != 200 {
			t.Errorf("%d blocks are free and %d bytes lent", len(p.free), p.lent)
		}
	})
}
