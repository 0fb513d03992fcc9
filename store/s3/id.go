package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"plateau/store"
)

// maxID is the longest id that is accepted, in bytes. AWS's ids of multipart uploads
// have up to 200.
const maxID = 512

// noMultipart stands in the place of a multipart upload's id in the id of an upload
// that was created without one.
const noMultipart = "0"

// ValidID reports whether id can name an upload here: what this store makes itself,
// and every id that tusd's S3 store can have made: "<object>+<multipart upload's id>".
// An object alone is one, too.
func (s *Store) ValidID(id string) bool { return validID(id) }

func validID(id string) bool {
	object, multipart, found := strings.Cut(id, "+")
	return len(id) <= maxID && validObject(object) && (!found || validMultipart(multipart))
}

// validObject: without dots and slashes it is never the key of a record, of a tail or
// of what lies in a folder; "outbox" and "check" are such folders' names, under which
// some endpoints could not have an object.
func validObject(object string) bool {
	return object != "" && object != "outbox" && object != "check" && consistsOf(object, "_-")
}

// validMultipart: these are the letters that may stand in a URL's path as they are.
func validMultipart(id string) bool { return id != "" && consistsOf(id, "_-.~=") }

// consistsOf reports whether s has only ASCII letters, digits, and those of others.
func consistsOf(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) < 0:
			return false
		}
	}
	return true
}

// splitID returns an upload's object, and the multipart upload that was begun when the
// upload was created; empty: none was.
func splitID(id string) (object, multipart string) {
	object, multipart, _ = strings.Cut(id, "+")
	if multipart == noMultipart {
		multipart = ""
	}
	return object, multipart
}

// partMark stands in the name of a partial upload's object, behind the time: a listing
// shows so which finished objects may still expire, or lose their bytes to a final.
const partMark = 'p'

// newObject returns 12 hex digits of the time, in ms, and 80 random bits: listings are
// in the order of creation, for each prefix that the request in ctx may want. In the names
// of partial uploads partMark takes four of the bits.
func newObject(ctx context.Context, at time.Time, partial bool) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	random := hex.EncodeToString(b[:])
	if partial {
		random = string(partMark) + random[1:]
	}
	return store.PrefixID(ctx, timeOf(at)+random)
}

// timeOf is how the names of objects begin that were created then, behind a prefix.
func timeOf(at time.Time) string { return fmt.Sprintf("%012x", max(0, at.UnixMilli())) }

const timeLength = 12 // of what timeOf returns

// partObject reports whether newObject made the object's name for a partial upload.
func partObject(object string) bool {
	_, name := store.CutIDPrefix(object)
	return ownObject(object) && name[timeLength] == partMark
}

// finalObject returns the object of the final upload of these parts. Whoever knows all
// the parts' ids could compute it, and nobody else. The first part's prefix and time stand
// in front, so that it lies among its contemporaries.
func finalObject(parts []string) string {
	h := sha256.New()
	for _, id := range parts {
		_, _ = io.WriteString(h, id+"\n") // a hash never fails
	}
	sum := hex.EncodeToString(h.Sum(nil)[:16])
	if len(parts) > 0 && ownObject(parts[0]) {
		prefix, name := store.CutIDPrefix(parts[0])
		return prefix + name[:timeLength] + sum[:20]
	}
	return sum
}

// ownObject reports whether an id or object begins as those that newObject makes, with or
// without a prefix, or tusd.
func ownObject(id string) bool {
	object, _ := splitID(id)
	_, name := store.CutIDPrefix(object)
	if len(name) != 32 {
		return false
	}
	for i, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (i != timeLength || c != partMark) {
			return false
		}
	}
	return true
}

// namedThen reports whether newObject or finalObject made an object's name at most
// thirty days before then. What nobody has a record of is removed only under such a name:
// there may be others' objects in the bucket.
func namedThen(object string, then time.Time) bool {
	if !ownObject(object) {
		return false
	}
	_, name := store.CutIDPrefix(object)
	ms, err := strconv.ParseInt(name[:timeLength], 16, 64)
	since := then.Sub(time.UnixMilli(ms))
	return err == nil && since > -24*time.Hour && since < 30*24*time.Hour
}

// The keys of what belongs to an object, as tusd's S3 store names them.

func recordKey(object string) string { return object + ".info" }

func tailKey(object string) string { return object + ".part" }
