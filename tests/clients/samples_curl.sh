#!/usr/bin/env bash
# The samples of Clarifai's "Manage Models" page for curl, in the order of the page. Prints the answer of each on a line.
#
# Reads the address from CLARIFAI_API_BASE and the ids from CLARIFAI_USER_ID, CLARIFAI_APP_ID and CLARIFAI_PAT.
set -euo pipefail

models="$CLARIFAI_API_BASE/v2/users/$CLARIFAI_USER_ID/apps/$CLARIFAI_APP_ID/models"

call() {
  curl --silent --show-error --fail-with-body "$@"
  echo
}

call -X GET "$models/types?per_page=20&page=1" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X GET "$models/" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X GET "$models/petsID" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X GET "$models/petsID/output_info" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X GET "$models/petsID/concepts" \
  -H "Authorization: Key $CLARIFAI_PAT" \
  -H "Content-Type: application/json"
call -X GET "$models/petsID/versions" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X GET "$models/petsID/versions/daf51b311c8644a486bbbe57c0680bc2" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X PATCH "$models" \
  -H "Authorization: Key $CLARIFAI_PAT" \
  -H "Content-Type: application/json" \
  -d '{
    "models": [
      {
        "id": "petsID",
        "name": "newname"
      }
    ],
    "action": "overwrite"
  }'
call -X PATCH "$models/petsID/versions" \
  -H "Authorization: Key $CLARIFAI_PAT" \
  -H "Content-Type: application/json" \
  -d '{
    "model_versions": [
      {
        "id": "b0b89c973e5d4b6d9599ce13da04b894",
        "output_info": {
          "params": {
            "min_value": 0.95
          }
        }
      }
    ],
    "action": "overwrite"
  }'
call -X POST "$models/searches" \
  -H "Authorization: Key $CLARIFAI_PAT" \
  -H "Content-Type: application/json" \
  -d '{
    "model_query": {
      "name": "gen*",
      "model_type_id": "concept"
    }
  }'
call -X DELETE "$models/petsID/versions/9641cbbb019b424db17e593b48ebc7ff" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X DELETE "$models/petsID" \
  -H "Authorization: Key $CLARIFAI_PAT"
call -X DELETE "$models/" \
  -H "Authorization: Key $CLARIFAI_PAT" \
  -d '{
    "delete_all": true
  }'
