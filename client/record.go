package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// What the folder of addresses holds for each upload, by its key:
//
//	upload-KEY.json  the record, replaced whole; there from the answer to POST until the program that finished the upload
//	                 has nothing left to do
//	upload-KEY.lock  locked (flock) by the process that uploads; left behind only by one that was killed
//	upload-KEY.tmp   a record that is being written
const (
	recordPrefix = "upload-"
	recordSuffix = ".json"
	lockSuffix   = ".lock"
	tempSuffix   = ".tmp"
)

// record is what a later run has to know: Address and Finished. The rest is there for the reader of the folder.
type record struct {
	Address  string            `json:"address"`
	Finished time.Time         `json:"finished,omitzero"` // when the server had all of it
	File     string            `json:"file"`
	Size     int64             `json:"size"`
	Modified time.Time         `json:"modified"`
	Endpoint string            `json:"endpoint"`
	Metadata map[string]string `json:"metadata"`
}

// key names a record: another file, another state of it, another place or other metadata make another upload. Names are
// quoted, not put into JSON: quoting keeps bytes apart that are no UTF-8.
func (r record) key() string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %d %d.%d %q", r.File, r.Size, r.Modified.Unix(), r.Modified.Nanosecond(), r.Endpoint)
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		fmt.Fprintf(hash, " %q=%q", name, r.Metadata[name])
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// entry is the place of one upload in the folder, locked. A nil *entry remembers nothing.
type entry struct {
	base   string // the path without suffix
	lock   *os.File
	record record // Address is empty if none is remembered
}

// openEntry locks the place of an upload, and reads the address if one is remembered. Its error is ErrBusy, or that the
// folder can't be used. A record that can't be read is as good as none: warning says so.
func openEntry(dir string, r record) (e *entry, warning, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the folder: %w", err)
	}
	r.Address, r.Finished = "", time.Time{}
	e = &entry{base: filepath.Join(dir, recordPrefix+r.key()), record: r}
	if e.lock, err = lockFile(e.base + lockSuffix); err != nil {
		return nil, nil, err
	}
	kept, err := readRecord(e.base + recordSuffix)
	now := time.Now()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e, nil, nil
	case err != nil:
		return e, fmt.Errorf("%s is passed over, the upload begins anew: %w", e.base+recordSuffix, err), nil
	case kept.expired(now):
		return e, e.forget(), nil
	}
	e.record.Address, e.record.Finished = kept.Address, kept.Finished
	if kept.Finished.IsZero() {
		_ = os.Chtimes(e.base+recordSuffix, now, now) // not stale; no harm if it fails
	}
	return e, nil, nil
}

func readRecord(path string) (record, error) {
	var kept record
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && kept.Address == "" {
		err = errors.New("no address in it")
	}
	return kept, err
}

// remember writes the address down, safely even if the machine dies right after.
func (e *entry) remember(address string) error {
	if e == nil {
		return nil
	}
	before := e.record
	e.record.Address, e.record.Finished = address, time.Time{}
	if err := e.write(); err != nil {
		e.record = before
		return fmt.Errorf("a later run will begin this file anew, since its address can't be written down: %w", err)
	}
	return nil
}

// finish writes down that the server has all of it.
func (e *entry) finish() error {
	if !e.remembered() || !e.record.Finished.IsZero() { // why it isn't remembered, was warned of
		return nil
	}
	e.record.Finished = time.Now().UTC()
	if err := e.write(); err != nil {
		return fmt.Errorf("write down that it is finished: %w", err)
	}
	return nil
}

func (e *entry) write() error {
	text, err := json.MarshalIndent(e.record, "", "  ")
	if err != nil {
		return err
	}
	temp := e.base + tempSuffix
	defer os.Remove(temp) // gone if all went well
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, e.base+recordSuffix); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(temp))
}

// syncFolder makes a new name in a folder last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// remembered says whether a later run will find the upload.
func (e *entry) remembered() bool { return e != nil && e.record.Address != "" }

// forget removes what was remembered.
func (e *entry) forget() error {
	if e == nil {
		return nil
	}
	e.record.Address, e.record.Finished = "", time.Time{}
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

// forgetFinished removes the record of a finished upload if it still is of that one, and nobody uses it.
func forgetFinished(base, address string) error {
	e := &entry{base: base}
	var err error
	if e.lock, err = lockFile(base + lockSuffix); errors.Is(err, ErrBusy) {
		return nil // whoever has it takes care of it
	} else if err != nil {
		return err
	}
	defer e.close()
	if kept, err := readRecord(base + recordSuffix); err != nil || kept.Address != address {
		return nil
	}
	return e.forget()
}
