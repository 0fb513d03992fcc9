package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// keyFinal is the key of a part's Storage map that has the id of the final that has
// its bytes; package store has the other keys. tusd keeps keys there that it doesn't
// know, and drops unknown fields elsewhere.
const keyFinal = "Final"

// maxRecord is the largest record that is read: a final of 100,000 parts.
const maxRecord = 16 << 20

// errRecord is in the chain of all errors that say that a record can't be used.
var errRecord = errors.New("the record can't be used")

// errOtherCase: where large and small letters of names are the same, an id finds the record
// of another. There is no such upload then: each has one id only, since that is what is
// locked. But its files are there, so nothing may be removed for it.
var errOtherCase = errors.New("the upload's id has other letters in large and small")

func recordName(id string) string { return id + ".info" }

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// readRecord reads and checks the record of id. A missing one is os.ErrNotExist.
//
// encoding/json goes deep, and this is the deepest that a PATCH gets; so the
// frames from here on are kept small (see package server's edge).
func (s *Store) readRecord(id string, into *handler.FileInfo) error {
	text, err := s.readFile(recordName(id))
	if err != nil {
		return err
	}
	return parseRecord(id, text, into)
}

func (s *Store) readFile(name string) ([]byte, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the record: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	if len(text) > maxRecord {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", errRecord, maxRecord)
	}
	return text, nil
}

// parseRecord decodes a record and checks what a later step relies on.
func parseRecord(id string, text []byte, into *handler.FileInfo) error {
	if err := json.Unmarshal(text, into); err != nil {
		return errors.Join(errRecord, err)
	}
	return checkRecord(id, into)
}

func checkRecord(id string, info *handler.FileInfo) error {
	if info.ID != id && strings.EqualFold(info.ID, id) {
		return fmt.Errorf("%w (%q)", errOtherCase, info.ID)
	}
	if info.ID != id {
		return fmt.Errorf("%w: it is of another upload (%q)", errRecord, info.ID)
	}
	if info.Size < 0 {
		return fmt.Errorf("%w: its size is negative", errRecord)
	}
	// tusd lets a hook put the data elsewhere. We don't follow that.
	if path := info.Storage["Path"]; path != "" && filepath.Base(path) != id {
		return fmt.Errorf("%w: its data lies elsewhere (%q)", errRecord, path)
	}
	if final := info.Storage[keyFinal]; final != "" && !validID(final) {
		return fmt.Errorf("%w: its final upload is %q", errRecord, final)
	}
	return nil
}

// encodeRecord is the record as it is stored. The offset in it means nothing:
// the data file's size is the offset.
func encodeRecord(info handler.FileInfo) ([]byte, error) {
	info.Offset = 0
	text, err := json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("encode the record: %w", err)
	}
	return text, nil
}

// createRecord writes the record of a new upload. It fails if there is one.
func (s *Store) createRecord(info handler.FileInfo) error {
	text, err := encodeRecord(info)
	if err != nil {
		return err
	}
	// On its way to the disk early, it needs no journal commit of its own when
	// the upload is finished: an eighth more finishes a second.
	flush := func(f *os.File) error { return startWriteback(f, 0, int64(len(text))) }
	if s.opts.Journal > 0 && journalable(info) {
		flush = noFlush
	}
	return s.writeFile(recordName(info.ID), os.O_CREATE|os.O_EXCL|os.O_WRONLY, text, flush)
}

// replaceRecord replaces the record whole; a crash leaves the old or the new.
func (s *Store) replaceRecord(info handler.FileInfo) error {
	return s.swapRecord(info, (*os.File).Sync)
}

// swapRecord is replaceRecord with its own way to flush the new record.
func (s *Store) swapRecord(info handler.FileInfo, flush func(*os.File) error) error {
	text, err := encodeRecord(info)
	if err != nil {
		return err
	}
	name := recordName(info.ID)
	temporary := name + ".tmp"
	if err := s.writeFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, text, flush); err != nil {
		return errors.Join(err, ignoreMissing(s.root.Remove(temporary)))
	}
	if err := s.root.Rename(temporary, name); err != nil {
		return errors.Join(fmt.Errorf("replace the record: %w", err), ignoreMissing(s.root.Remove(temporary)))
	}
	return nil
}

// noFlush is for a record that the journal stands for.
func noFlush(*os.File) error { return nil }

// syncRecord brings the record's bytes to stable storage.
func (s *Store) syncRecord(id string) error {
	f, err := s.root.Open(recordName(id))
	if err != nil {
		return fmt.Errorf("open the record: %w", err)
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fsyncError{fmt.Errorf("fsync the record: %w", err)}, f.Close())
	}
	return f.Close()
}

// writeFile writes a record; flush is called before it is closed, if finished
// uploads are to be durable.
func (s *Store) writeFile(name string, flags int, text []byte, flush func(*os.File) error) error {
	f, err := s.root.OpenFile(name, flags, 0o644)
	if err != nil {
		return fmt.Errorf("create the record: %w", err)
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(fmt.Errorf("write the record: %w", err), f.Close())
	}
	if s.opts.Durable {
		if err := flush(f); err != nil {
			return errors.Join(fmt.Errorf("flush the record: %w", err), f.Close())
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the record: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
