package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/journal"
)

const (
	// journalLimit is the most bytes of an upload that goes into the journal: of
	// what is larger, one fsync costs less than writing it twice.
	journalLimit = 64 << 10
	// journalShare is the part of the free space that one file of the journal may
	// take.
	journalShare = 64
	// forgotten is how long after its finish an upload may be in the journal, with
	// all patience.
	forgotten = 10 * time.Minute
)

// What a piece of the journal begins with.
const (
	pieceUpload  = 'U' // then the finish time, the length of the record, the record, the data
	pieceRemoved = 'D' // then the id: what was written of it before is void
)

const pieceHead = 1 + 8 + 4

// openJournal brings back what a power cut took of the uploads in the journal,
// and opens it.
func (s *Store) openJournal(dir string) error {
	size := s.opts.Journal
	if free, _, _ := s.Space(); size > free/journalShare {
		size = free / journalShare
	}
	if s.syncs.never || !s.opts.Durable {
		size = 0
	}
	// Of its own, since the kernel reports an error once for each.
	folder, err := s.root.Open(".")
	if err != nil {
		return fmt.Errorf("open the folder for uploads: %w", err)
	}
	j, err := journal.New(journal.Options{
		Dir: dir, Size: size &^ (1<<20 - 1), Place: s.opts.elsewhere + s.place(), Log: s.opts.Log,
		SyncFile: syncData,
		Sync:     func() error { return s.syncWhole(folder) },
		Expected: s.journaling.Load,
	})
	if err == nil {
		r := &restorer{Store: s, removed: map[string]bool{}}
		if err = j.Recover(r.add); err == nil {
			r.report()
		}
	}
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	s.journal, s.journalFolder, s.opened = j, folder, time.Now()
	return nil
}

// closeJournal waits until all in the journal is on the disk, as long as ctx
// allows.
func (s *Store) closeJournal(ctx context.Context) error {
	if s.journal == nil {
		return nil
	}
	if err := s.journal.Close(ctx); err != nil {
		return err
	}
	return s.journalFolder.Close()
}

// syncWhole brings all uploads, and the outbox beside them, to stable storage.
func (s *Store) syncWhole(folder *os.File) error {
	if s.folder.broken() {
		return errors.New("an fsync of the folder has failed")
	}
	return syncAll(folder, s.lock)
}

// JournalFailed says why the journal isn't used any more; nil: it is, or there is
// none.
func (s *Store) JournalFailed() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.Failed()
}

// doubtJournal is called when a sync has failed that others were to share: what
// the journal stands for may be lost too.
func (s *Store) doubtJournal(err error) {
	if s.journal != nil {
		s.journal.Doubt(err)
	}
}

// journalable reports whether an upload is one for the journal: a small one whose
// record changes no more once it is finished.
func journalable(info handler.FileInfo) bool {
	return store.Marked(info) && !info.IsPartial && !info.IsFinal && !info.SizeIsDeferred && info.Size <= journalLimit
}

// finishJournaled makes a complete upload durable by the journal, announces it
// and seals it. done is false if the journal can't be used, or not for this one:
// nothing was done that a finish can't do again. All bytes must be this request's:
// of older ones the disk may have lost some, which their own fsync would say.
func (s *Store) finishJournaled(ctx context.Context, u upload, data *os.File) (done bool, err error) {
	info := u.info
	if !s.opts.Durable || !u.whole || !journalable(info) || s.folder.broken() {
		return false, nil
	}
	s.journaling.Add(1)
	written, err := s.appendUpload(info, data)
	s.journaling.Add(-1)
	if err != nil {
		return false, nil // its own fsyncs have the last word
	}
	defer written()
	s.opts.Synced("journal")
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return true, err
	}
	if s.sums(info) {
		if err := s.swapRecord(info, noFlush); err != nil {
			return true, unfinished("put the digest into the record", err)
		}
	}
	if err := s.announce(ctx, info, data, true); err != nil {
		return true, err
	}
	s.sealFinished(ctx, info, data)
	return true, nil
}

func (s *Store) appendUpload(info handler.FileInfo, data *os.File) (written func(), err error) {
	text, err := encodeRecord(info)
	if err != nil {
		return nil, err
	}
	stat, err := data.Stat()
	if err != nil {
		return nil, err
	}
	return s.journal.Append(pieceHead+len(text)+int(info.Size), func(b []byte) error {
		b[0] = pieceUpload
		binary.LittleEndian.PutUint64(b[1:], uint64(stat.ModTime().UnixNano()))
		binary.LittleEndian.PutUint32(b[9:], uint32(len(text)))
		copy(b[pieceHead:], text)
		_, err := data.ReadAt(b[pieceHead+len(text):], 0)
		return err
	})
}

// forget keeps the journal from bringing an upload back that is being removed. An
// event that waits stays: it is made durable first.
func (s *Store) forget(id string) error {
	if s.journal == nil {
		return nil
	}
	u, err := s.open(id)
	if err != nil || !u.complete() || !journalable(u.info) || time.Since(u.modified) > forgotten && time.Since(s.opened) > forgotten {
		return nil
	}
	if s.opts.Durable {
		if err := s.keepEvent(u); err != nil {
			return fmt.Errorf("keep the event of an upload that is being removed: %w", err)
		}
	}
	written, err := s.journal.Append(1+len(id), func(b []byte) error {
		b[0] = pieceRemoved
		copy(b[1:], id)
		return nil
	})
	if err == nil {
		written()
	}
	if errors.Is(err, journal.ErrNoRoom) {
		return nil // a power cut may bring it back, as it may bring back any file
	}
	return err
}

// keepEvent makes the event of a finished upload durable if it waits; that of one
// which the journal brought back in any case: a power cut may have taken it.
func (s *Store) keepEvent(u *upload) error {
	if _, unsure := s.brought.Load(u.info.ID); !unsure {
		if s.opts.Waiting == nil {
			return nil
		}
		waiting, err := s.opts.Waiting(u.info.ID, u.modified)
		if err != nil || !waiting {
			return err
		}
	}
	if err := s.syncRecord(u.info.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.FinishDeadline)
	defer cancel()
	return s.opts.Finish(ctx, u.info, u.modified, false)
}
