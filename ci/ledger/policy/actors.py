"""Who may change an environment."""

from ci.ledger.history import UNPROVEN
from ci.ledger.policy.case import Case, Finding, Findings, helpers, may_deploy, with_roles


def actor_rule(case: Case) -> Findings:
    """Refuse who has not the role, and where only signed records count, who does not sign."""
    wanted, environment = case.wanted, case.environment
    verb = {"deploy": "deploy to", "rollback": "roll back", "restore": "restore"}[wanted.action]
    again = case.command(wanted.action, version=wanted.version)
    if environment.signed and not wanted.signed:
        yield Finding(f"{case.name}: only people who sign may {verb} it: type {again} with a key of allowed_signers")
    if environment.deployers and not may_deploy(case.settings, case.name, wanted.actor):
        roles = environment.deployers
        what = f"{case.name}: {wanted.actor} may not {verb} it, which takes {with_roles(roles)}"
        yield Finding(f"{what}: {helpers(case.settings, roles)} and type {again}")
    elif environment.signed and wanted.actor not in case.settings.people:
        what = f"{case.name}: {wanted.actor} is nobody under [people] in pipeline.toml"
        yield Finding(
            f"{what}: add them there and their key to allowed_signers, or ask somebody who is to type {again}"
        )


def ledger_rule(case: Case) -> Findings:
    """Refuse to deploy on the word of a ledger that is not whole to where only signed records count."""
    # Going back still takes signed successes and approvals; whoever can push a bad record must not keep it from people.
    refuses = case.environment.signed and case.wanted.action == "deploy"
    for problem in case.history.problems:
        # What a revoked key signed does not count any more, and that is all.
        stops = refuses and not problem.startswith(UNPROVEN)
        yield Finding(f"ledger: {problem}{': see docs/security.md' if stops else ''}", stops)
