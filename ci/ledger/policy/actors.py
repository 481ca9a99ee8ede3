"""The rules about the actor and about the ledger's problems."""

from ci.ledger.history import UNTRUSTED
from ci.ledger.policy.case import Case, RuleResult, RuleResults, describe_helpers, describe_roles, may_deploy


def actor_rule(case: Case) -> RuleResults:
    """Refuse an actor without the role, and an unsigned delivery where only signed records count."""
    asked, environment = case.input, case.environment
    verb = {"deploy": "deploy to", "rollback": "roll back", "restore": "restore"}[asked.action]
    command = case.command(asked.action, version=asked.version)
    if environment.signed and not asked.signed:
        what = f"{case.name}: only people who sign may {verb} it"
        yield RuleResult(f"{what}: type {command} with a key of allowed_signers")
    if environment.deployers and not may_deploy(case.settings, case.name, asked.actor):
        roles = environment.deployers
        what = f"{case.name}: {asked.actor} may not {verb} it, which takes {describe_roles(roles)}"
        yield RuleResult(f"{what}: {describe_helpers(case.settings, roles)} and type {command}")
    elif environment.signed and asked.actor not in case.settings.people:
        what = f"{case.name}: {asked.actor} is not listed under [people] in pipeline.toml"
        yield RuleResult(
            f"{what}: add the person there and the key to allowed_signers, or ask another to type {command}"
        )


def ledger_rule(case: Case) -> RuleResults:
    """Refuse a deploy where the ledger has problems and only signed records count."""
    # A rollback still needs signed records and approvals. A bad record must not stop it: anybody with push access can
    # add one.
    refuses = case.environment.signed and case.input.action == "deploy"
    for problem in case.history.problems:
        # The records of a revoked key do not count, and nothing else follows.
        stops = refuses and not problem.startswith(UNTRUSTED)
        yield RuleResult(f"ledger: {problem}{': see docs/security.md' if stops else ''}", stops)
