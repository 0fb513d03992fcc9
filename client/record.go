package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What the folder of addresses holds for each upload, by its key:
//
//	KEY.json  the record, replaced whole; there from the answer to POST until the upload has ended
//	KEY.lock  locked (flock) by the process that uploads; left behind only by one that was killed
//	KEY.tmp   a record that is being written
const (
	recordSuffix = ".json"
	lockSuffix   = ".lock"
	tempSuffix   = ".tmp"
	staleAfter   = 30 * 24 * time.Hour
)

// record is what a later run has to know. All but the address is there for the reader of the folder.
type record struct {
	Address  string            `json:"address"`
	File     string            `json:"file"`
	Size     int64             `json:"size"`
	Modified time.Time         `json:"modified"`
	Endpoint string            `json:"endpoint"`
	Metadata map[string]string `json:"metadata"`
}

// key names a record: another file, another state of it, another place or other metadata make another upload.
func (r record) key() (string, error) {
	r.Address = ""
	r.Modified = r.Modified.UTC()
	text, err := json.Marshal(r) // the keys of a map are sorted
	if err != nil {
		return "", fmt.Errorf("name the record: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// entry is the place of one upload in the folder, locked. A nil *entry remembers nothing.
type entry struct {
	base   string // the path without suffix
	lock   *os.File
	record record
}

// openEntry locks the place of an upload, and reads the address if one is remembered. Its error is ErrBusy, or that the
// folder can't be used. A record that can't be read is as good as none: warning says so.
func openEntry(dir string, r record) (e *entry, warning, err error) {
	key, err := r.key()
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the folder: %w", err)
	}
	e = &entry{base: filepath.Join(dir, key), record: r}
	if e.lock, err = lockFile(e.base + lockSuffix); err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(e.base + recordSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil, nil
	}
	var kept record
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && kept.Address == "" {
		err = errors.New("no address in it")
	}
	if err != nil {
		return e, fmt.Errorf("%s is passed over, the upload begins anew: %w", e.base+recordSuffix, err), nil
	}
	e.record.Address = kept.Address
	now := time.Now()
	_ = os.Chtimes(e.base+recordSuffix, now, now) // not stale; no harm if it fails
	return e, nil, nil
}

// lockFile makes and locks a file, unless another process has it: ErrBusy.
func lockFile(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			if errors.Is(err, syscall.EWOULDBLOCK) {
				err = ErrBusy
			} else {
				err = fmt.Errorf("lock %s: %w", path, err)
			}
			return nil, errors.Join(err, file.Close())
		}
		// The one who had it may have removed it in between: then this lock is on a file that nobody else will find.
		mine, err := file.Stat()
		if err == nil {
			var there fs.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(mine, there) {
				return file, nil
			}
		}
		_ = file.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("lock: %w", err)
		}
	}
}

// remember writes the address down, safely even if the machine dies right after.
func (e *entry) remember(address string) error {
	if e == nil {
		return nil
	}
	e.record.Address = address
	text, err := json.MarshalIndent(e.record, "", "  ")
	if err != nil {
		return fmt.Errorf("write the address down: %w", err)
	}
	temp := e.base + tempSuffix
	defer os.Remove(temp) // gone if all went well
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the address down: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(temp, e.base+recordSuffix)
	}
	if err != nil {
		return fmt.Errorf("write the address down: %w", err)
	}
	return nil
}

// forget removes what was remembered.
func (e *entry) forget() error {
	if e == nil {
		return nil
	}
	if err := os.Remove(e.base + recordSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record: %w", err)
	}
	return nil
}

// close unlocks; what is remembered stays.
func (e *entry) close() {
	if e == nil {
		return
	}
	_ = os.Remove(e.base + lockSuffix) // while it is locked, see lockFile
	_ = e.lock.Close()
}

// removeStale clears the folder of what nobody has touched for long and nobody is using. What can't be removed stays.
func removeStale(dir string, now time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, found := range entries {
		suffix := filepath.Ext(found.Name())
		key, isOurs := strings.CutSuffix(found.Name(), suffix)
		info, err := found.Info()
		if !isOurs || err != nil || now.Sub(info.ModTime()) < staleAfter || len(key) != 32 ||
			suffix != recordSuffix && suffix != lockSuffix && suffix != tempSuffix {
			continue
		}
		e := &entry{base: filepath.Join(dir, key)}
		if e.lock, err = lockFile(e.base + lockSuffix); err != nil {
			continue
		}
		if suffix != lockSuffix {
			_ = os.Remove(filepath.Join(dir, found.Name()))
		}
		e.close()
	}
}
