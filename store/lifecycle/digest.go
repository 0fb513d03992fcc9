package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// Digest sums up the first Offset bytes of an upload. It is fed while they pass,
// by one goroutine.
type Digest struct {
	hash   hash.Hash
	Offset int64
	Saved  int64 // the offset of the state that was saved last; 0: none was
}

// NewDigest returns the digest of no bytes.
func NewDigest() *Digest { return &Digest{hash: sha256.New()} }

// Feed takes the next bytes.
func (d *Digest) Feed(b []byte) {
	_, _ = d.hash.Write(b) // a hash never fails
	d.Offset += int64(len(b))
}

// Sum is the digest as records and events have it.
func (d *Digest) Sum() string { return "sha256:" + hex.EncodeToString(d.hash.Sum(nil)) }
