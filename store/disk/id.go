package disk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"plateau/store"
)

// maxID is the longest id that is accepted, in bytes.
const maxID = 128

// ValidID reports whether id can name an upload here: what this store makes
// itself, and every id that tusd's file store can have made.
func (s *Store) ValidID(id string) bool { return validID(id) }

// validID: without dots or slashes an id is a file name of its own, and never
// that of a record or of another file of ours.
func validID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// ownID reports whether id looks like those that newID and finalID return, with or without
// a prefix.
func ownID(id string) bool {
	_, id = store.CutIDPrefix(id)
	if len(id) != 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// newID returns 128 random bits as 32 hex digits, behind the prefix that the request in ctx
// wants.
func newID(ctx context.Context) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return store.PrefixID(ctx, hex.EncodeToString(b[:]))
}

// finalID returns the id of the final upload of these parts. Whoever knows all
// the parts' ids could compute it, and nobody else. The first part's prefix is its own.
func finalID(parts []string) string {
	h := sha256.New()
	for _, id := range parts {
		_, _ = io.WriteString(h, id+"\n") // a hash never fails
	}
	id := hex.EncodeToString(h.Sum(nil)[:16])
	if len(parts) > 0 && ownID(parts[0]) {
		prefix, _ := store.CutIDPrefix(parts[0])
		id = prefix + id
	}
	return id
}
