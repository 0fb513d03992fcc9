package disk

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// restorer brings back what a power cut took of the uploads in the journal.
type restorer struct {
	*Store
	count   int
	removed map[string]bool
}

// add is for journal.Recover. It writes the files of an upload anew, whatever is
// there, and leaves it complete: the sweep announces and seals it.
func (r *restorer) add(piece []byte) error {
	if len(piece) > 1 && piece[0] == pieceRemoved && validID(string(piece[1:])) {
		id := string(piece[1:])
		r.removed[id] = true // one of the two files is read before the other
		_, err := r.unlink(id)
		return err
	}
	info, record, data, err := parsePiece(piece)
	if err != nil || r.removed[info.ID] {
		return err
	}
	if err := r.restore(info.ID, record, data, time.Unix(0, int64(binary.LittleEndian.Uint64(piece[1:])))); err != nil {
		return fmt.Errorf("bring back the upload %s: %w", info.ID, err)
	}
	r.count++
	r.brought.Store(info.ID, struct{}{})
	return nil
}

func (r *restorer) restore(id string, record, data []byte, finishedAt time.Time) error {
	err := r.unsealed(id, data)
	if errors.Is(err, errDiffers) {
		err = r.rewrite(id, data)
	}
	if err == nil {
		err = r.root.Chtimes(id, finishedAt, finishedAt)
	}
	if err == nil {
		err = r.overwrite(recordName(id), record)
	}
	if err == nil && r.syncs.never { // the checkpoint's sync isn't to be trusted here
		err = r.folder.sync()
	}
	return err
}

// errDiffers says that a file hasn't the bytes that it should have.
var errDiffers = errors.New("the file has other bytes")

// unsealed gives a file that has the right bytes its write bits back.
func (r *restorer) unsealed(name string, want []byte) error {
	if err := r.same(name, want); err != nil {
		return err
	}
	stat, err := r.root.Lstat(name)
	if err != nil {
		return err
	}
	return r.root.Chmod(name, stat.Mode().Perm()|0o200)
}

// same returns errDiffers unless the file has these bytes.
func (r *restorer) same(name string, want []byte) error {
	f, err := r.root.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return errDiffers
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := io.ReadAll(io.LimitReader(f, int64(len(want))+1))
	if err != nil || !bytes.Equal(got, want) {
		return errDiffers
	}
	return nil
}

// report says what was done.
func (r *restorer) report() {
	if r.count > 0 {
		r.opts.Log.Info("small uploads are written anew from the journal, since the machine or its disk may have gone down; their events are made again", "uploads", r.count)
	}
}

func parsePiece(piece []byte) (info handler.FileInfo, record, data []byte, err error) {
	if len(piece) < pieceHead || piece[0] != pieceUpload {
		return info, nil, nil, errors.New("a piece of the journal can't be read: it is of another version")
	}
	length := binary.LittleEndian.Uint32(piece[9:])
	if int64(length) > int64(len(piece)-pieceHead) {
		return info, nil, nil, errors.New("a piece of the journal can't be read")
	}
	record, data = piece[pieceHead:pieceHead+length], piece[pieceHead+length:]
	if err := json.Unmarshal(record, &info); err != nil {
		return info, nil, nil, errors.Join(errRecord, err)
	}
	err = checkRecord(info.ID, &info)
	if err == nil && !validID(info.ID) {
		err = errors.New("a piece of the journal is of an upload without a valid id")
	}
	if err == nil && info.Size != int64(len(data)) {
		err = errors.New("a piece of the journal has not all bytes")
	}
	return info, record, data, err
}

// rewrite replaces a file whole.
func (r *restorer) rewrite(name string, text []byte) error {
	f, err := r.root.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := r.fill(f, text); err != nil {
		return err
	}
	return r.root.Rename(name+".tmp", name)
}

// overwrite writes a file in place if there is one: an event that waits may be a
// link to it.
func (r *restorer) overwrite(name string, text []byte) error {
	if err := r.same(name, text); !errors.Is(err, errDiffers) {
		return err
	}
	f, err := r.root.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return r.rewrite(name, text)
	}
	if err != nil {
		return err
	}
	return r.fill(f, text)
}

// fill writes before it cuts off, so that a full disk takes nothing away.
func (r *restorer) fill(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil && r.syncs.never {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
