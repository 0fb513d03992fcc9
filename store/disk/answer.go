package disk

import (
	"context"
	"errors"
	"syscall"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// fsyncError marks an error of fsync or fdatasync: it is final, since a second
// call would report success over lost pages.
type fsyncError struct{ error }

func (e fsyncError) Unwrap() error { return e.error }

// answer returns what the client hears of err, and notes err itself for the
// request's log line. It is the only way for an error to leave the store.
func (s *Store) answer(ctx context.Context, err error) error {
	answer := answerTo(err)
	store.RequestFrom(ctx).Fail(answer, err)
	return answer
}

func answerTo(err error) handler.Error {
	if answer, ok := errors.AsType[handler.Error](err); ok {
		return answer
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return store.Full()
	case errors.Is(err, errOtherCase):
		return store.NotFound()
	case unusable(err):
		return store.Gone()
	}
	return store.Failed()
}
