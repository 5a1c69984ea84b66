// Package problem tells over HTTP how a command ended: a status for each [tilltape.Outcome], and for what is an error
// an application/problem+json after RFC 9457. A handler needs no table of its own:
//
//	result, err := orders.Refund(r.Context(), r.PathValue("id"), refund)
//	if problem.Write(w, r, result, err) {
//		return
//	}
//	w.WriteHeader(problem.Status(result, err)) // 200 or 202
//	json.NewEncoder(w).Encode(view(result.Order))
//
// # The statuses
//
//	done         200, or 201 as you like
//	accepted     202, which is no problem: APO works on it; Retry-After says when APO is asked
//	unknown      202: on record, and asked about until it is known; Retry-After as above
//	invalid      400
//	not found    404
//	refused      409, with reason and remedy
//	conflict     409, and 422 where the command's id stands for another command
//	broken       500: the service's own log has the error, the answer says nothing of it
//	failed       502, with the code
//	in doubt     503, with the command's id
//	unavailable  503
//
// What is in doubt may be on record already. It is 503 all the same, and neither 202, which would say that it is, nor a
// bare 500: a client that gets 503 with Retry-After sends the same request again, and the same request, under the same
// command id, is what finds out. A caller that gives the library no command id has to pass commandId back in.
//
// # What is not told
//
// No text of the log, of the network or of a person is in an answer, and no other order's id: details are made of the
// order's id, APO's codes, figures and words of ours. Log what [Problem.Status] 500 came with.
package problem
