//go:build !linux

package disk

import (
	"errors"
	"os"
)

var errNoSyncfs = errors.New("only Linux has a syncfs that can be relied on")

func cannotShare(_, _ *os.File) error { return errNoSyncfs }

func syncAll(_, _ *os.File) error { return errNoSyncfs }

func writeBack(*os.File) error { return errNoSyncfs }

func dirtyBytes() (int64, error) { return 0, errNoSyncfs }
