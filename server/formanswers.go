package server

import (
	"fmt"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"
)

// The answers to forms that can't be taken.

func formWrongType(why string) handler.Error {
	return handler.NewError("ERR_INVALID_CONTENT_TYPE", why, http.StatusUnsupportedMediaType)
}

func formMalformed(why string) handler.Error {
	return handler.NewError("ERR_FORM_MALFORMED", "the form is malformed: "+why, http.StatusBadRequest)
}

func formIncomplete() handler.Error {
	return handler.NewError("ERR_FORM_INCOMPLETE", "the form ended before its closing boundary; nothing of it is kept", http.StatusBadRequest)
}

func formHeadTooLarge() handler.Error {
	return handler.NewError("ERR_FORM_HEADER_TOO_LARGE", fmt.Sprintf("the form has more than %d bytes in a part's header, or before its first part", formHead), http.StatusRequestHeaderFieldsTooLarge)
}

func formTooManyParts() handler.Error {
	return handler.NewError("ERR_FORM_TOO_MANY_PARTS", fmt.Sprintf("the form has more than %d files and fields", formParts), http.StatusRequestEntityTooLarge)
}

func formFieldsTooLarge() handler.Error {
	return handler.NewError("ERR_METADATA_TOO_LARGE", fmt.Sprintf("the form's fields and a file's name have more than %d bytes, or all names together more than %d", maxMetadata, formNames), http.StatusRequestEntityTooLarge)
}

func formInvalidField(why string) handler.Error {
	return handler.NewError("ERR_INVALID_METADATA", "a field of the form becomes metadata, but "+why, http.StatusBadRequest)
}

func formWithoutFile() handler.Error {
	return handler.NewError("ERR_FORM_WITHOUT_FILE", "the form has no file", http.StatusBadRequest)
}

// formCut says that nothing of a form is kept where the same answer to an upload
// that can be resumed says that it is.
func formCut(answer handler.Error) handler.Error {
	message := map[string]string{
		"ERR_SERVER_SHUTDOWN":   "the server is shutting down; send the form again",
		"ERR_BODY_IDLE":         "no bytes arrived for too long; send the form again",
		"ERR_BODY_TOO_SLOW":     "the bytes arrived too slowly; send the form again",
		"ERR_UPLOAD_UNFINISHED": "the form could not be finished; nothing of it is kept, send it again",
	}[answer.ErrorCode]
	if message == "" {
		return answer
	}
	cut := handler.NewError(answer.ErrorCode, message, answer.HTTPResponse.StatusCode)
	for key, value := range answer.HTTPResponse.Header {
		cut.HTTPResponse.Header[key] = value
	}
	return cut
}
