package s3

import (
	"context"
	"fmt"

	"plateau/store"
	"plateau/store/lifecycle"
	"plateau/store/s3/bucket"
	"plateau/store/s3/spool"
)

// copyMost is the most that is copied at a time, where 10,000 parts suffice: a stop is
// noticed in between, and endpoints copy several at a time faster than one.
const copyMost = 512 << 20

// assemble gives a final its bytes. A short one waits in the spool then, the others are
// the parts of a multipart upload, of which a record tells. With bytes that S3 copies the
// final has no digest, since they don't pass through here. Interrupt ends it.
func (s *Store) assemble(ctx context.Context, st *state, pieces []piece) error {
	sizes := make([]int64, len(pieces))
	var total int64
	for i, p := range pieces {
		sizes[i] = p.Size
		total += p.Size
	}
	if total != st.info.Size {
		return fmt.Errorf("the parts have %d bytes, not %d: %w", total, st.info.Size, store.Failed())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.room, cancel)()
	a := &assembly{store: s, st: st, pieces: pieces, held: store.RequestFrom(ctx).Held}
	if s.sums(st.info) {
		a.digest = lifecycle.NewDigest()
	}
	if total <= s.newGrid(total).size {
		return a.small(ctx, sizes)
	}
	most := max(copyMost, roundUp(total/(mostParts/2)))
	return a.large(ctx, planFinal(sizes, s.opts.PartSize, min(most, mostPart)))
}

// assembly is the making of one final's bytes.
type assembly struct {
	store  *Store
	st     *state
	pieces []piece
	held   func() error

	multipart string            // the multipart upload; empty for a small one
	digest    *lifecycle.Digest // nil: nobody wants one, or not all bytes pass through here
}

// small brings all bytes here; the finish makes an object of them.
func (a *assembly) small(ctx context.Context, sizes []int64) error {
	var all step
	for i, size := range sizes {
		if size > 0 {
			all.add(stretch{i, 0, size})
		}
	}
	var file *spool.File
	if all.size > 0 {
		var err error
		if file, err = a.fetch(ctx, all); err != nil {
			return err
		}
	}
	a.st.mu.Lock()
	defer a.st.mu.Unlock()
	a.st.file, a.st.digest = file, a.digest
	return nil
}

// large makes the parts of the final's multipart upload.
func (a *assembly) large(ctx context.Context, steps []step) error {
	if len(steps) > mostParts {
		return fmt.Errorf("%d steps: %w", len(steps), store.InvalidParts("the final upload would have too many parts"))
	}
	atOnce := 1 // a digest needs the bytes in their order
	for _, p := range steps {
		if p.copied() {
			a.digest = nil
		}
	}
	if a.digest == nil {
		atOnce = a.store.opts.PartsAtOnce
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := a.begin(context.WithoutCancel(ctx)); err != nil { // cut off, it might leave one
		return err
	}
	parts := make([]bucket.Part, len(steps))
	err := inParallel(len(steps), atOnce, func(i int) (err error) {
		if err := a.held(); err != nil {
			return err
		}
		parts[i], err = a.part(ctx, i+1, steps[i])
		return missing(err)
	})
	if err != nil {
		return err
	}
	a.st.mu.Lock()
	defer a.st.mu.Unlock()
	a.st.parts, a.st.digest = parts, a.digest
	a.st.stored, a.st.start = a.st.info.Size, a.st.info.Size
	return nil
}

// begin begins the multipart upload. As soon as it is there a record tells of it, so that a
// crash leaves nothing that nobody finds.
func (a *assembly) begin(ctx context.Context) error {
	a.st.mu.Lock()
	defer a.st.mu.Unlock()
	err := a.st.beginMultipart(ctx)
	a.multipart = multipartOf(a.st.info)
	return err
}

// part makes one part of the final.
func (a *assembly) part(ctx context.Context, number int, p step) (bucket.Part, error) {
	s := a.store
	if !p.copied() {
		file, err := a.fetch(ctx, p)
		if err != nil {
			return bucket.Part{}, err
		}
		defer file.Release()
		s.sends <- struct{}{}
		defer func() { <-s.sends }()
		return s.putPart(ctx, a.st.id, a.multipart, number, file)
	}
	object, _ := splitID(a.st.id)
	x := p.stretches[0]
	from := a.pieces[x.piece]
	return s.opts.Bucket.CopyPart(ctx, object, a.multipart, number, from.object, x.offset, x.length, from.ETag)
}

// fetch brings the bytes of a step here. The file is the caller's, and never asked to
// leave.
func (a *assembly) fetch(ctx context.Context, p step) (*spool.File, error) {
	file := a.store.spool.Take(p.size, nil)
	err := a.fill(ctx, file, p)
	if err != nil {
		file.Release()
		return nil, err
	}
	return file, nil
}

func (a *assembly) fill(ctx context.Context, file *spool.File, p step) error {
	waiting, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	if err := file.Reserve(waiting, p.size); err != nil {
		return fmt.Errorf("make room for the bytes of parts: %w", err)
	}
	for _, x := range p.stretches {
		if err := a.held(); err != nil {
			return err
		}
		if err := a.fetchOne(ctx, file, x); err != nil {
			return fmt.Errorf("fetch bytes of part %s: %w", a.pieces[x.piece].object, err)
		}
	}
	return nil
}

func (a *assembly) fetchOne(ctx context.Context, file *spool.File, x stretch) error {
	from := a.pieces[x.piece]
	r, o, err := a.store.opts.Bucket.Open(ctx, from.object, x.offset, x.length)
	if err != nil {
		return missing(err)
	}
	defer r.Close()
	if o.ETag != from.ETag {
		return fmt.Errorf("somebody else wrote it: %w", bucket.ErrConflict)
	}
	return a.store.appendFrom(ctx, file, r, x.length, a.digest)
}
