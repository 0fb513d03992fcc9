package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// maxRecord is the largest record that is read: a final of 100,000 parts.
	maxRecord = 16 << 20
	// smallRecord is what is read in one go. Nearly all records are smaller.
	smallRecord = 8 << 10
	// readers is how many records are read at a time, and perReader how many it
	// takes to make another reader worth its while.
	readers   = 4
	perReader = 64
)

var (
	errTooLarge = errors.New("the record is larger than 16 MiB")
	errEmpty    = errors.New("the record is empty")
	errNoFile   = errors.New("it is not a file")
)

type readState int

const (
	notRead readState = iota
	isRead
	tooBigForNow // its size is known; it was not read
	isGone
	failed
)

type readResult struct {
	state  readState
	record []byte
	size   int64
	err    error
}

// readAll reads the records of names, several at a time, until size bytes have
// been read. Large ones it only measures.
func (o *DiskOutbox) readAll(ctx context.Context, names []string, size int64) []readResult {
	results := make([]readResult, len(names))
	var next, sum atomic.Int64
	work := func() {
		scratch := make([]byte, smallRecord)
		visit := o.visit()
		defer visit.end()
		for {
			if ctx.Err() != nil || sum.Load() >= size && next.Load() > 0 {
				return
			}
			i := int(next.Add(1)) - 1
			if i >= len(names) {
				return
			}
			results[i] = o.readOne(&visit, names[i], scratch)
			sum.Add(results[i].size)
		}
	}
	var others sync.WaitGroup
	for range min(readers, len(names)/perReader) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return results
}

// readOne reads the record of one name, if it is smaller than scratch.
func (o *DiskOutbox) readOne(visit *visit, name string, scratch []byte) readResult {
	f, fd, err := o.openRecord(visit, name)
	if err != nil {
		return failure(err)
	}
	defer unix.Close(fd)
	n := 0
	err = uninterrupted(func() (err error) {
		n, err = unix.Read(fd, scratch)
		return err
	})
	switch {
	case err != nil:
		return failure(&os.PathError{Op: "read", Path: f.Name() + "/" + name, Err: err})
	case n == 0:
		return failure(errEmpty)
	case n < len(scratch): // of a file, that is all
		return readResult{state: isRead, record: append([]byte(nil), scratch[:n]...), size: int64(n)}
	}
	var s unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(fd, &s) }); err != nil {
		return failure(fmt.Errorf("stat: %w", err))
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG {
		return failure(errNoFile)
	}
	if s.Size > maxRecord {
		return failure(errTooLarge)
	}
	return readResult{state: tooBigForNow, size: s.Size}
}

// readWhole reads a record of any size.
func (o *DiskOutbox) readWhole(name string) readResult {
	visit := o.visit()
	defer visit.end()
	_, fd, err := o.openRecord(&visit, name)
	if err != nil {
		return failure(err)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	record, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	switch {
	case err != nil:
		return failure(err)
	case len(record) > maxRecord:
		return failure(errTooLarge)
	}
	return readResult{state: isRead, record: record, size: int64(len(record))}
}

func (o *DiskOutbox) openRecord(visit *visit, name string) (f *minuteFolder, fd int, err error) {
	if f, err = visit.enter(keyOf(name)); err != nil {
		return nil, 0, err
	}
	if fd, err = o.calls.open(int(f.Fd()), name); err != nil {
		return nil, 0, &os.PathError{Op: "open", Path: f.Name() + "/" + name, Err: err}
	}
	return f, fd, nil
}

func failure(err error) readResult {
	if errors.Is(err, os.ErrNotExist) {
		return readResult{state: isGone}
	}
	return readResult{state: failed, err: err}
}
