package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/lifecycle"
)

// keyDigestState is where the record of an unfinished upload has the state of its
// digest, in its Storage map.
const keyDigestState = "DigestState"

const (
	// digestKeep is how many bytes a request must have brought before the state of
	// the digest is saved at its end: to read fewer again is cheaper.
	digestKeep = 8 << 20
	// digestEvery is after how many bytes the state is saved in any case.
	digestEvery = 1 << 30
	// digestBlock is how much is read at a time where bytes are read again.
	digestBlock = 256 << 10
	// digestPatience is how many bytes are still read after Interrupt.
	digestPatience = 64 << 20
)

// sums reports whether an upload's record is to have a digest. Parts make no
// event, and what tusd finished is left as it is.
func (s *Store) sums(info handler.FileInfo) bool {
	return s.opts.Digest != "" && !info.IsPartial && store.Marked(info)
}

// openDigest returns the digest of what is there of an upload, as its record has
// it; of nothing if the record has none that can be believed: after a power cut the
// file may have other bytes than the state has seen.
func (s *Store) openDigest(info handler.FileInfo) *lifecycle.Digest {
	d, err := lifecycle.RestoreDigest(info.Storage[keyDigestState], s.boot, info.Offset)
	if err != nil {
		return lifecycle.NewDigest()
	}
	return d
}

// followDigest returns the digest that a request's bytes at u's offset are to be
// fed to. What was not summed up before is read now, unless that is much: then it
// returns nil, and the finish reads it.
func (u *upload) followDigest() (*lifecycle.Digest, error) {
	s := u.store
	if !s.sums(u.info) {
		return nil, nil
	}
	d := s.openDigest(u.info)
	if u.info.Offset-d.Offset > digestEvery {
		return nil, nil
	}
	if err := s.catchUp(context.Background(), d, u.info, nil); err != nil {
		return nil, err
	}
	return d, nil
}

// sumFinal reads a final whose parts were copied, if it is to have a digest.
func (s *Store) sumFinal(u *upload) error {
	if !s.sums(u.info) {
		return nil
	}
	u.digest = lifecycle.NewDigest()
	return s.catchUp(context.Background(), u.digest, u.info, nil)
}

// catchUp reads what d lacks of an upload. save is called with each digestEvery
// bytes; it may be nil.
func (s *Store) catchUp(ctx context.Context, d *lifecycle.Digest, info handler.FileInfo, save func()) error {
	if d.Offset == info.Offset {
		return nil
	}
	f, err := s.root.Open(info.ID)
	if err != nil {
		return fmt.Errorf("open the data file to sum it up: %w", err)
	}
	defer f.Close()
	block := make([]byte, min(digestBlock, info.Offset-d.Offset))
	for d.Offset < info.Offset {
		if s.interrupted.Load() && info.Offset-d.Offset > digestPatience {
			return store.ShuttingDown()
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("sum up the data file: %w", err)
		}
		n, err := f.ReadAt(block[:min(int64(len(block)), info.Offset-d.Offset)], d.Offset)
		d.Feed(block[:n])
		s.opts.Reread(int64(n))
		if err != nil && (!errors.Is(err, io.EOF) || d.Offset < info.Offset) {
			return fmt.Errorf("read the data file to sum it up: %w", err)
		}
		if save != nil && d.Offset-d.Saved >= digestEvery {
			save()
		}
	}
	return nil
}

// sum returns the record with the digest of the whole upload. A long reading that
// is broken off goes on at the next try.
func (s *Store) sum(ctx context.Context, u upload) (handler.FileInfo, error) {
	d := u.digest
	if d == nil || d.Offset != u.info.Size {
		d = s.openDigest(u.info)
		save := func() { u.saveDigest(d) }
		if err := s.catchUp(ctx, d, u.info, save); err != nil {
			if d.Offset-d.Saved >= digestKeep {
				save()
			}
			return u.info, err
		}
	}
	info := store.Mark(u.info, store.KeyDigest, d.Sum())
	delete(info.Storage, keyDigestState)
	return info, nil
}

// saveDigest saves the state of d with the record. It only saves time: if it
// fails, more is read again.
func (u *upload) saveDigest(d *lifecycle.Digest) {
	s := u.store
	if s.boot == "" {
		return
	}
	text, err := d.State(s.boot)
	if err == nil {
		info := store.Mark(u.info, keyDigestState, text)
		if err = s.replaceRecord(info); err == nil {
			u.info, d.Saved = info, d.Offset
			return
		}
	}
	s.opts.Log.Debug("the state of a digest could not be saved", "upload", u.info.ID, "error", err)
}

// keepDigest hands the digest over to the finish, or to a later request.
func (u *upload) keepDigest(r *store.Request, c *chunk) {
	u.digest = c.digest
	if d := c.digest; d != nil && !u.complete() && d.Offset-d.Saved >= digestKeep && !r.Creates() && r.Held() == nil {
		u.saveDigest(d)
	}
}

// forgetDigest takes the saved state out of the record if it has seen bytes
// beyond offset, which are about to be taken back.
func (u *upload) forgetDigest(offset int64) error {
	seen, ok := lifecycle.StateOffset(u.info.Storage[keyDigestState])
	if !ok || seen <= offset {
		return nil
	}
	info := store.Mark(u.info, keyDigestState, "")
	delete(info.Storage, keyDigestState)
	if err := u.store.replaceRecord(info); err != nil {
		return err
	}
	u.info = info
	return nil
}

// bootID names this run of the machine: what was written in an earlier one may
// have been lost since. Empty where that can't be known.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(text) < 36 {
		return ""
	}
	return string(text[:36])
}
