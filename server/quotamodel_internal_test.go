package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/disk"
	"plateau/store/memorylock"
)

// quotaModel drives a store and its ledger by random requests of several owners, and knows
// what each upload must occupy from what it has heard itself.
type quotaModel struct {
	*testing.T
	random *rand.Rand
	dir    string
	limits quotas

	store   *disk.Store
	ledger  *quotaLedger
	ahead   time.Duration // of the store's clock
	failing int           // one in so many events fails; 0: none

	uploads map[string]*modelUpload
	parts   []string // complete, and in no final

	tokens  chan struct{} // each lets fill count one upload
	filling chan error    // how fill ended; nil: it is over
	refused int
}

type modelUpload struct {
	owner        string
	size, offset int64 // size -1: not known
	part, sealed bool
}

func (u *modelUpload) account() account {
	switch {
	case u.sealed && !u.part:
		return account{bytes: u.size}
	case u.size < 0:
		return account{u.offset, u.offset, 1}
	}
	return account{u.size, u.size, 1}
}

// TestQuotaModel makes random requests, with failures and restarts in the middle, and holds
// the ledger against the model after each: also while what was there before a restart is
// still being counted, whatever changes meanwhile.
func TestQuotaModel(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("PLATEAU_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PLATEAU_TEST_SEED=%d", seed)
	refused := 0
	for round := range 5 {
		m := &quotaModel{
			T: t, random: rand.New(rand.NewPCG(seed, uint64(round))), dir: t.TempDir(), failing: 5,
			limits: quotas{bytes: 30_000, openBytes: 20_000, uploads: 8}, uploads: map[string]*modelUpload{},
		}
		m.open()
		for range 300 {
			m.step()
			m.check()
			if t.Failed() {
				t.Fatalf("in round %d", round)
			}
		}
		m.endFill()
		m.check()
		m.close()
		refused += m.refused
	}
	if t.Logf("%d requests were over quota", refused); refused == 0 {
		t.Error("nothing was ever refused")
	}
}

var errModel = errors.New("the event fails")

func (m *quotaModel) open() {
	m.Helper()
	m.ledger = newQuotaLedger(m.limits)
	s, err := disk.Open(disk.Options{
		Dir: m.dir, Locker: memorylock.New(), Accounts: m.ledger, ExpireAfter: time.Hour,
		Now: func() time.Time { return time.Now().Add(m.ahead) },
		Finish: func(context.Context, handler.FileInfo, time.Time, bool) error {
			if m.failing > 0 && m.random.IntN(m.failing) == 0 {
				return errModel
			}
			return nil
		},
	})
	if err != nil {
		m.Fatal(err)
	}
	m.store = s
	tokens, filling, ledger := make(chan struct{}), make(chan error, 1), m.ledger
	m.tokens, m.filling = tokens, filling
	go func() {
		filling <- ledger.fill(context.Background(), func(ctx context.Context, after string, each func(string, string, store.Occupied) error) error {
			return s.Occupants(ctx, after, func(id, owner string, what store.Occupied) error {
				<-tokens // what was read may be old by now
				return each(id, owner, what)
			})
		})
	}()
}

// fill lets one more upload be counted.
func (m *quotaModel) fill() {
	if m.filling == nil {
		return
	}
	select {
	case m.tokens <- struct{}{}:
	case err := <-m.filling:
		m.filled(err)
	}
}

func (m *quotaModel) filled(err error) {
	if m.filling = nil; err != nil {
		m.Errorf("fill: %v", err)
	}
}

func (m *quotaModel) endFill() {
	if m.filling != nil {
		close(m.tokens)
		m.filled(<-m.filling)
	}
}

func (m *quotaModel) close() {
	m.Helper()
	m.endFill()
	if err := m.store.Close(context.Background()); err != nil {
		m.Fatal(err)
	}
}

// check holds the ledger against the model.
func (m *quotaModel) check() {
	m.Helper()
	if m.filling != nil {
		return
	}
	want := make(map[string]account)
	for _, u := range m.uploads {
		want[u.owner] = want[u.owner].plus(u.account())
	}
	maps.DeleteFunc(want, func(_ string, a account) bool { return a == account{} })
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	if !maps.Equal(m.ledger.accounts, want) {
		m.Errorf("the ledger has %+v, want %+v", m.ledger.accounts, want)
	}
}

func (m *quotaModel) sweep() {
	m.Helper()
	failing := m.failing
	m.failing = 0
	if _, err := m.store.Sweep(m.Context()); err != nil {
		m.Errorf("sweep: %v", err)
	}
	m.failing = failing
	for id, u := range m.uploads {
		if !u.sealed && u.offset == u.size {
			m.isSealed(id, u)
		}
	}
	slices.Sort(m.parts) // so that the seed says all
}

// expire removes all that isn't finished, save for what only has to be finished again.
func (m *quotaModel) expire() {
	m.Helper()
	m.ahead += 2 * time.Hour
	err := m.store.Expire(m.Context(), false, func(e store.Expired) error {
		if u := m.uploads[e.ID]; u == nil || u.sealed && !u.part {
			return fmt.Errorf("%s of %+v has expired", e.ID, u)
		}
		m.forget(e.ID)
		return nil
	})
	if err != nil {
		m.Errorf("expire: %v", err)
	}
	m.ahead = 0
}
