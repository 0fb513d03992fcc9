package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
	"plateau/store/s3/spool"
)

// answer returns what the client hears of err, and notes err itself for the request's
// log line. It is the only way for an error to leave the store.
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
	case errors.Is(err, errDamaged), errors.Is(err, errRecord):
		return store.Gone()
	case errors.Is(err, spool.ErrFull), errors.Is(err, spool.ErrTooLarge):
		return store.Full()
	case errors.Is(err, spool.ErrCrowded), errors.Is(err, context.DeadlineExceeded):
		return store.Overloaded()
	case errors.Is(err, spool.ErrClosed), errors.Is(err, context.Canceled):
		return store.ShuttingDown()
	case errors.Is(err, bucket.ErrConflict):
		return store.Locked() // another process writes
	case errors.Is(err, bucket.ErrNoMultipart):
		return store.Locked() // whether it is gone the next look says
	case errors.Is(err, bucket.ErrAway), errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrUnsure), errors.Is(err, bucket.ErrClosed):
		return store.Away()
	}
	return store.Failed()
}

// unfinished wraps an error after which the finish can simply be run again. That all bytes
// are there is said only if the bucket is.
func unfinished(doing string, err error) error {
	if _, ok := errors.AsType[handler.Error](err); ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if errors.Is(err, bucket.ErrAway) || errors.Is(err, bucket.ErrRefused) {
		return fmt.Errorf("%s: %w: %w", doing, err, store.Away())
	}
	return fmt.Errorf("%s: %w: %w", doing, err, store.Unfinished())
}

func isNotFound(err error) bool { return errors.Is(err, store.NotFound()) }
