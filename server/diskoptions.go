package server

import (
	"errors"
	"log/slog"

	"plateau/config"
	"plateau/store/disk"
)

// storeOptions is what the store on disk is told by the configuration; locker
// and callbacks are not in it.
func storeOptions(cfg config.Config, log *slog.Logger) disk.Options {
	digest := cfg.Digest
	if digest == "none" {
		digest = ""
	}
	return disk.Options{
		Dir:                 cfg.DataDir,
		Digest:              digest,
		ExpireAfter:         cfg.ExpireAfter,
		DeleteFinishedAfter: cfg.DeleteFinishedAfter,
		Durable:             cfg.Durability == "finish",
		MaxSize:             cfg.MaxSize,
		Journal:             cfg.JournalSize / 2 >> 20 << 20, // of each file, in whole MiB
		Log:                 log,
	}
}

// folderError makes a mistake of a folder that another server has.
func folderError(err error) error {
	if _, inUse := errors.AsType[*disk.InUseError](err); inUse {
		return &UsageError{err}
	}
	return err
}
