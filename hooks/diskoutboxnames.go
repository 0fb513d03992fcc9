package hooks

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	stampLayout = "20060102T150405.000000000Z"
	stampLength = len(stampLayout)
	// keyLength is the part of a stamp that says the minute. Names, keys and the
	// folders' names sort alike.
	keyLength = len("20060102T1504")
	maxID     = 128 // bytes

	recordSuffix    = ".info"
	temporarySuffix = ".tmp"
	reasonSuffix    = ".reason"
)

var errNotAnEntry = errors.New("this is not the name of an entry")

// entryName is "<finish time>-<id>", in UTC: "20261129T054107.123456789Z-<id>".
func entryName(id string, finishedAt time.Time) (string, error) {
	if !validID(id) {
		return "", errors.New("the id can't be a file's name")
	}
	at := finishedAt.UTC()
	if at.Year() < 0 || at.Year() > 9999 {
		return "", fmt.Errorf("the finish time is in the year %d", at.Year())
	}
	return at.Format(stampLayout) + "-" + id, nil
}

// validID: without dots or slashes an id is a file name of its own, and never
// that of a temporary file or of a reason.
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

// parseName is the reverse of entryName; ok says whether name is an entry's.
// It is called for every entry, so it makes no garbage.
func parseName(name string) (id string, at time.Time, ok bool) {
	if len(name) <= stampLength || name[8] != 'T' || name[15] != '.' || name[25] != 'Z' || name[26] != '-' || !validID(name[27:]) {
		return "", time.Time{}, false
	}
	var n [7]int
	for i, field := range []string{name[0:4], name[4:6], name[6:8], name[9:11], name[11:13], name[13:15], name[16:25]} {
		if n[i], ok = number(field); !ok {
			return "", time.Time{}, false
		}
	}
	at = time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6], time.UTC)
	// time.Date takes the 31st of June for the 1st of July.
	if int(at.Month()) != n[1] || at.Day() != n[2] || at.Hour() != n[3] || at.Minute() != n[4] || at.Second() != n[5] {
		return "", time.Time{}, false
	}
	return name[27:], at, true
}

func number(digits string) (n int, ok bool) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// keyOf is the minute that an entry's name begins with: "20261129T0541".
func keyOf(name string) string { return name[:keyLength] }

// folderOf is the name of the minute's folder: "2026-11-29T0541".
func folderOf(key string) string { return key[0:4] + "-" + key[4:6] + "-" + key[6:] }

// keyOfFolder is the reverse; ok says whether folder is a minute's.
func keyOfFolder(folder string) (key string, ok bool) {
	if len(folder) != keyLength+2 || folder[4] != '-' || folder[7] != '-' {
		return "", false
	}
	key = folder[0:4] + folder[5:7] + folder[8:]
	_, _, ok = parseName(key + "00.000000000Z-x")
	return key, ok
}

// lastOf sorts behind all names of the minute.
func lastOf(key string) string { return key + "~" }

// temporaryName is a name beside an entry's that nobody else chooses.
func temporaryName(name string) string { return name + "." + rand.Text()[:10] + temporarySuffix }

func isTemporary(name string) bool { return strings.HasSuffix(name, temporarySuffix) }
