package client

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	staleAfter   = 30 * 24 * time.Hour // of an upload that nobody went on with
	expiresAfter = 24 * time.Hour      // of a finished upload, whose command never came to a good end
)

// expired says whether a finished upload is no answer any more to the wish to upload the file.
func (r record) expired(now time.Time) bool {
	return !r.Finished.IsZero() && now.Sub(r.Finished) >= expiresAfter
}

// removeStale clears the folder of what nobody has touched for long and nobody is using. What can't be removed stays, and so
// does whatever has another name than this package gives.
func removeStale(dir string, now time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, found := range entries {
		base, suffix, ours := splitName(found.Name())
		if !ours {
			continue
		}
		path := filepath.Join(dir, found.Name())
		if !stale(path, suffix, now) {
			continue
		}
		e := &entry{base: filepath.Join(dir, base)}
		if e.lock, err = lockFile(e.base + lockSuffix); err != nil {
			continue
		}
		if suffix != lockSuffix && stale(path, suffix, now) { // it may have been written anew before it was locked
			_ = os.Remove(path)
		}
		e.close()
	}
}

// stale says whether nobody needs a file any more.
func stale(path, suffix string, now time.Time) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	age := now.Sub(info.ModTime())
	if age >= staleAfter || suffix != recordSuffix || age < expiresAfter {
		return age >= staleAfter
	}
	kept, err := readRecord(path)
	return err == nil && kept.expired(now)
}

// splitName takes apart the name of a file of the folder; ours is false for what somebody else put there.
func splitName(name string) (base, suffix string, ours bool) {
	suffix = filepath.Ext(name)
	base = strings.TrimSuffix(name, suffix)
	key, ours := strings.CutPrefix(base, recordPrefix)
	sum, err := hex.DecodeString(key)
	known := suffix == recordSuffix || suffix == lockSuffix || suffix == tempSuffix
	return base, suffix, ours && err == nil && len(sum) == 16 && known
}
