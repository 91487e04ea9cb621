"""All mutants."""

from tests.mutants.function import FUNCTION
from tests.mutants.infra import INFRA
from tests.mutants.lake import LAKE
from tests.mutants.letters import LETTERS
from tests.mutants.operations import OPERATIONS
from tests.mutants.records import RECORDS
from tests.mutants.schema import SCHEMA

MUTATIONS = (*FUNCTION, *RECORDS, *SCHEMA, *OPERATIONS, *LETTERS, *LAKE, *INFRA)
