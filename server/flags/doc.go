// Package flags holds the settings that change while the server runs. They come from a JSON file in GrowthBook's features
// format, which is read again when it changes (seen within 2 s), and from a GrowthBook server, which is asked every 10 s.
// GrowthBook's own library evaluates both; a server wins over the file, the file over what was configured.
//
// The names are those of the command line's flags:
//
//	write-block  largest block that is written at once   bytes, or text such as "1MiB"
//	buffer-pool  memory that all blocks share            bytes, or text
//	max-uploads  request bodies at once                  number, 0: no limit
//	multipart    whether forms are taken                 true or false
//	min-rate     least rate of a body                    bytes a second, or text, 0: none
//	log-level    what is logged                          "debug", "info", "warn" or "error"
//	profiling    whether profiles can be taken           true or false
//
// A file, with a rule for one server (the attributes id and host are the machine's name unless they are given):
//
//	{
//	  "features": {
//	    "write-block": {
//	      "defaultValue": "1MiB",
//	      "rules": [{"condition": {"host": "upload-3"}, "force": 65536}]
//	    },
//	    "max-uploads": {"defaultValue": 200},
//	    "log-level": {"defaultValue": "debug"}
//	  }
//	}
//
// The bare object of features is taken too, so that a file can be what GrowthBook's editor shows.
//
// # What holds
//
// Values never waits and is always within the bounds. A number outside of them is clamped, and the log says so. A value that
// makes no sense (a text for a number, a fraction, a size with an unknown unit) leaves that flag as the same source had it
// before, and the others of the payload take effect. What a payload doesn't name, or names with null, falls to the next source.
// Names that are not flags are passed over, and listed at /debug/flags so that a typo is seen. Each change is one line in
// the log.
//
// # Under stress
//
// Nothing waits for the flag server: New doesn't ask it, and while it is away, slow or talks nonsense its last good answer
// stays in force. What that answer said to this server is kept in a file, so that a restart doesn't forget it. Polls that
// fail are tried again for ever and leave no connection and no goroutine behind. An answer or a file above 1 MiB, one that
// isn't JSON, and one without features is refused as a whole. A file that is missing, half-written or malformed leaves the
// old values in force, except in New, where it is an error. Each distinct trouble is logged once, and once when it is over.
package flags
