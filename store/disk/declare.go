package disk

import (
	"context"
	"fmt"

	"plateau/store"
)

// DeclareLength sets the length of an upload that was created without one, if what is
// still to come fits onto the disk and into its owner's quotas. Errors: 423, 507, 5xx.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	if err := u.declare(ctx, length); err != nil {
		return u.store.answer(ctx, err)
	}
	return nil
}

func (u *upload) declare(ctx context.Context, length int64) error {
	s := u.store
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return err
	}
	info := store.Mark(u.info, "", "")
	info.Size, info.SizeIsDeferred = length, false
	before, after := u.occupied(), unsealed(info)
	if err := s.opts.Accounts.Grow(changeOf(info, before, after)); err != nil {
		return fmt.Errorf("count the length: %w", err)
	}
	room, err := s.space.take(length - u.info.Offset)
	if err == nil {
		if err = s.replaceRecord(info); err != nil {
			s.space.release(room)
		}
	}
	if err != nil {
		s.counted(info, after, before)
		return err
	}
	u.info, u.claim = info, room
	return nil
}
