package access

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// verifiedMost is how many tokens are known to be valid, at most.
	verifiedMost = 10_000
	// verifiedFor is for how long one is.
	verifiedFor = time.Minute
)

// verified are tokens that were found to be valid a moment ago, by their SHA-256. There are two generations: when the young
// one is full, the old one is dropped. So memory has a bound, and nothing has to be looked for to make room.
type verified struct {
	mu         sync.Mutex // guards what follows
	young, old map[[sha256.Size]byte]verifiedToken
	forgotten  int // how often all were
}

type verifiedToken struct {
	identity Identity
	until    time.Time
}

// find returns whose token it is, and the era that add wants.
func (v *verified) find(sum [sha256.Size]byte, now time.Time) (identity Identity, known bool, era int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, known := v.young[sum]
	if !known {
		t, known = v.old[sum]
	}
	if !known || !now.Before(t.until) {
		return Identity{}, false, v.forgotten
	}
	return t.identity, true, v.forgotten
}

// add remembers a token, which expires then, unless all were forgotten since find.
func (v *verified) add(sum [sha256.Size]byte, identity Identity, now, expires time.Time, era int) {
	until := now.Add(verifiedFor)
	if expires.Before(until) {
		until = expires
	}
	if !now.Before(until) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if era != v.forgotten {
		return
	}
	if len(v.young) >= verifiedMost/2 || v.young == nil {
		v.old, v.young = v.young, make(map[[sha256.Size]byte]verifiedToken)
	}
	v.young[sum] = verifiedToken{identity, until}
}

func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.young, v.old = nil, nil
	v.forgotten++
}
