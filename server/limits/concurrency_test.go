package limits_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"plateau/server/limits"
)

func TestConcurrency(t *testing.T) {
	c := limits.NewConcurrency(2)
	for want := 1; want <= 2; want++ {
		if held, ok := c.Acquire(1); !ok || held != want {
			t.Errorf("number %d: %d %t", want, held, ok)
		}
	}
	if held, ok := c.Acquire(1); ok || held != 2 {
		t.Errorf("the third: %d %t", held, ok)
	}
	if _, ok := c.Acquire(2); !ok {
		t.Error("another client was refused")
	}
	c.Release(1)
	if _, ok := c.Acquire(1); !ok {
		t.Error("there is room again, and it was refused")
	}
	c.Release(1)
	c.Release(1)
	c.Release(2)
	if c.Clients() != 0 || c.Held(1) != 0 {
		t.Errorf("%d clients are left", c.Clients())
	}
	mustPanic(t, func() { c.Release(1) })
	if _, ok := limits.NewConcurrency(0).Acquire(1); !ok {
		t.Error("a limit of 0 lets nobody in")
	}
}

func TestPlaces(t *testing.T) {
	p := limits.NewPlaces(2)
	steps := []struct {
		client, name limits.Key
		ok           bool
	}{
		{1, 10, true},
		{1, 11, true},
		{1, 12, false},
		{1, 10, true}, // it comes back for what it has
		{2, 10, true}, // another client's of the same name
		{2, 12, true},
		{2, 13, false},
	}
	for _, s := range steps {
		if ok := p.Acquire(s.client, s.name); ok != s.ok {
			t.Errorf("%d for %d: %t", s.client, s.name, ok)
		}
	}
	p.Release(1, 10)
	if p.Acquire(1, 12) {
		t.Error("a place was given away that somebody still holds")
	}
	p.Release(1, 10)
	if !p.Acquire(1, 12) {
		t.Error("a free place was refused")
	}
	for _, s := range []struct{ client, name limits.Key }{{1, 11}, {1, 12}, {2, 10}, {2, 12}} {
		p.Release(s.client, s.name)
	}
	if p.Clients() != 0 {
		t.Errorf("%d clients are left", p.Clients())
	}
	mustPanic(t, func() { p.Release(1, 10) })
}

// Random clients come and go, against a model that counts by lists.
func TestPlacesModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const most = 3
	p := limits.NewPlaces(most)
	type holder struct{ client, name limits.Key }
	var all []holder
	for step := range 50_000 {
		if len(all) > 0 && random.IntN(2) == 0 {
			i := random.IntN(len(all))
			p.Release(all[i].client, all[i].name)
			all = append(all[:i], all[i+1:]...)
		} else {
			h := holder{limits.Key(1 + random.IntN(4)), limits.Key(1 + random.IntN(6))}
			names := map[limits.Key]bool{}
			for _, other := range all {
				if other.client == h.client {
					names[other.name] = true
				}
			}
			want := names[h.name] || len(names) < most
			if ok := p.Acquire(h.client, h.name); ok != want {
				t.Fatalf("step %d: %+v with %v: %t", step, h, names, ok)
			} else if ok {
				all = append(all, h)
			}
		}
		clients := map[limits.Key]bool{}
		for _, h := range all {
			clients[h.client] = true
		}
		if p.Clients() != len(clients) {
			t.Fatalf("step %d: %d clients, want %d", step, p.Clients(), len(clients))
		}
	}
}

// Nothing is left of many clients, not even the room that they took.
func TestConcurrencyForgets(t *testing.T) {
	c, p := limits.NewConcurrency(5), limits.NewPlaces(5)
	before := live()
	const clients = 200_000
	for i := limits.Key(1); i <= clients; i++ {
		c.Acquire(i)
		p.Acquire(i, i)
	}
	full := live() - before
	for i := limits.Key(1); i <= clients; i++ {
		c.Release(i)
		p.Release(i, i)
	}
	empty := live() - before
	t.Logf("%d clients: %d bytes each, %d bytes in all when they have gone", clients, full/clients, empty)
	if empty > 64<<10 {
		t.Errorf("%d bytes are left", empty)
	}
	c.Acquire(1)
}

func TestConcurrencyTogether(t *testing.T) {
	const most = 10
	c, p := limits.NewConcurrency(most), limits.NewPlaces(most)
	var now, peak atomic.Int64
	var running sync.WaitGroup
	for worker := range 16 {
		running.Go(func() {
			for range 2000 {
				if _, ok := c.Acquire(1); ok {
					peak.Store(max(peak.Load(), now.Add(1)))
					now.Add(-1)
					c.Release(1)
				}
				if name := limits.Key(worker + 1); p.Acquire(1, name) {
					p.Release(1, name)
				}
			}
		})
	}
	running.Wait()
	if peak.Load() > most || c.Clients() != 0 || p.Clients() != 0 {
		t.Errorf("%d at once; %d and %d clients are left", peak.Load(), c.Clients(), p.Clients())
	}
}

func TestKeys(t *testing.T) {
	keys := limits.NewKeys()
	address := func(s string) limits.Key { return keys.Address(netip.MustParseAddr(s)) }
	for _, same := range [][2]string{
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"},
		{"fe80::1", "fe80::2%eth0"},
	} {
		if address(same[0]) != address(same[1]) {
			t.Errorf("%s and %s are two clients", same[0], same[1])
		}
	}
	for _, differ := range [][2]string{
		{"192.0.2.1", "192.0.2.2"},
		{"2001:db8::1", "2001:db8:0:1::1"},
		{"64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"},
		{"0.0.0.1", "::1"},
	} {
		if address(differ[0]) == address(differ[1]) {
			t.Errorf("%s and %s are one client", differ[0], differ[1])
		}
	}
	if a := keys.Name("a"); a != keys.Name(strings.ToLower("A")) || a == keys.Name("b") || a == limits.NewKeys().Name("a") {
		t.Error("names and keys don't fit")
	}
	ip := netip.MustParseAddr("192.0.2.1").As16()
	if keys.Name(string(ip[:])) == address("192.0.2.1") {
		t.Error("who is called like an address has its key")
	}
	if address("::") == 0 || keys.Name("") == 0 || keys.Address(netip.Addr{}) == 0 {
		t.Error("somebody is nobody")
	}
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

func BenchmarkPlaces(b *testing.B) {
	p, keys := limits.NewPlaces(10), limits.NewKeys()
	b.ReportAllocs()
	for b.Loop() {
		client, name := keys.Name("somebody"), keys.Name("0123456789abcdef0123456789abcdef")
		p.Acquire(client, name)
		p.Release(client, name)
	}
}
