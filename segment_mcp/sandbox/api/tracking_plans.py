"""Tracking plans, their rules, and the sources that they are applied to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from segment_mcp.sandbox import bodies, refusals, tracking_plans, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page, tracking_plan_of
from segment_mcp.sandbox.tracking_plans import Rule, TrackingPlan

_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")


def _list_tracking_plans(state: State, call: Call) -> Data:
    asked = call.arguments.get("type")
    plans = [plan.answer for plan in state.tracking_plans.values() if asked in {None, plan.answer["type"]}]
    return page("trackingPlans", plans, call)


def _create_tracking_plan(state: State, call: Call) -> Data:
    """Add a plan without rules. Two may share a name, but not the slug: a later one's gets a number."""
    _refuse_blanks(call)
    now = windows.iso(call.now)
    answer = {
        "id": f"tp_{state.new_id()}",
        **bodies.only(call.body, ("name", "description", "type")),
        "slug": _free_slug(state, call.body["name"]),
        "createdAt": now,
        "updatedAt": now,
    }
    plan = TrackingPlan(answer, ())
    state.tracking_plans[plan.id] = plan
    return {"trackingPlan": answer}


def _get_tracking_plan(state: State, call: Call) -> Data:
    return {"trackingPlan": tracking_plan_of(state, call).answer}


def _update_tracking_plan(state: State, call: Call) -> Data:
    """Change what the body names. The slug stays, whatever the new name."""
    plan = tracking_plan_of(state, call)
    _refuse_blanks(call)
    changed = {**plan.answer, **bodies.only(call.body, ("name", "description"))}
    if changed != plan.answer:
        _put(state, call, replace(plan, answer=changed))
    return {"status": "SUCCESS"}


def _delete_tracking_plan(state: State, call: Call) -> Data:
    """Remove a plan with its rules. Its sources stay, without a plan."""
    plan = tracking_plan_of(state, call)
    for source in list(state.workspace.sources.values()):
        if source.tracking_plan_id == plan.id:
            state.workspace.put_source(replace(source, tracking_plan_id=None))
    del state.tracking_plans[plan.id]
    return {"status": "SUCCESS"}


def _list_rules(state: State, call: Call) -> Data:
    return page("rules", tracking_plan_of(state, call).rules, call)


def _replace_rules(state: State, call: Call) -> Data:
    plan = tracking_plan_of(state, call)
    _put_rules(state, call, plan, tracking_plans.replaced(plan.rules, _rules_of(call), windows.iso(call.now)))
    return {"status": "SUCCESS"}


def _update_rules(state: State, call: Call) -> Data:
    """Change or add the given rules and leave the others. One to rename that does not exist is added by its new key.

    To rename a rule to one that another has is 409, and then none is changed.
    """
    plan = tracking_plan_of(state, call)
    rules = tracking_plans.upserted(plan.rules, _rules_of(call), windows.iso(call.now))
    taken = tracking_plans.repeated(rules)
    if taken is not None:
        type_, key, version = taken
        raise refusals.conflict(f'The {type_} rule "{key}" of version {version} already exists', "rules")
    _put_rules(state, call, plan, rules)
    return {"status": "SUCCESS"}


def _remove_rules(state: State, call: Call) -> Data:
    """Remove the named rules. If the plan lacks one of them, that is 404, and then none is removed."""
    plan = tracking_plan_of(state, call)
    named = [tracking_plans.rule_key(rule) for rule in call.arguments["rules"]]
    if len(named) > tracking_plans.MOST_RULES:
        raise refusals.invalid([tracking_plans.too_many()])
    known = {tracking_plans.rule_key(rule) for rule in plan.rules}
    for type_, key, version in named:
        if (type_, key, version) not in known:
            raise refusals.not_found(f'{type_} rule "{key or ""}" of version {version}')
    left = [rule for rule in plan.rules if tracking_plans.rule_key(rule) not in named]
    _put_rules(state, call, plan, left)
    return {"status": "SUCCESS"}


def _list_sources(state: State, call: Call) -> Data:
    plan = tracking_plan_of(state, call)
    sources = [
        state.workspace.source_answer(source)
        for source in state.workspace.sources.values()
        if source.tracking_plan_id == plan.id
    ]
    return page("sources", sources, call)


def _add_source(state: State, call: Call) -> Data:
    """Apply the plan to a source. One that has another plan moves to this one.

    A source has at most one plan, and that this call replaces it is what Segment's users report
    (segmentio/segment-docs, issue 5468).
    """
    plan = tracking_plan_of(state, call)
    source = state.workspace.sources.get(call.body["sourceId"])
    if source is None:
        raise refusals.invalid([refusals.problem("sourceId", "is not an existing source")])
    if source.tracking_plan_id != plan.id:
        state.workspace.put_source(replace(source, tracking_plan_id=plan.id))
        call.note("Source Modified", "source", source.id, source.name)
    return {"status": "SUCCESS"}


def _remove_source(state: State, call: Call) -> Data:
    """Take a source from the plan; one that does not have this plan is 404."""
    plan = tracking_plan_of(state, call)
    source = state.workspace.sources.get(call.arguments["sourceId"])
    if source is None or source.tracking_plan_id != plan.id:
        raise refusals.not_found("Source")
    state.workspace.put_source(replace(source, tracking_plan_id=None))
    call.note("Source Modified", "source", source.id, source.name)
    return {"status": "SUCCESS"}


def _refuse_blanks(call: Call) -> None:
    blank = bodies.blanks(call.body, ("name",))
    if blank:
        raise refusals.invalid(blank)


def _free_slug(state: State, name: str) -> str:
    slug = _NOT_IN_SLUGS.sub("-", name.lower()).strip("-") or "tracking-plan"
    taken = {plan.answer["slug"] for plan in state.tracking_plans.values()}
    number, free = 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _rules_of(call: Call) -> Sequence[Rule]:
    rules: Sequence[Rule] = call.body["rules"]
    found = list(tracking_plans.problems(rules))
    if found:
        raise refusals.invalid(found)
    return rules


def _put_rules(state: State, call: Call, plan: TrackingPlan, rules: Sequence[Rule]) -> None:
    if tuple(rules) != plan.rules:
        _put(state, call, replace(plan, rules=tuple(rules)))


def _put(state: State, call: Call, plan: TrackingPlan) -> None:
    answer = {**plan.answer, "updatedAt": windows.iso(call.now)}
    state.tracking_plans[plan.id] = replace(plan, answer=answer)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listTrackingPlans": _list_tracking_plans,
        "createTrackingPlan": _create_tracking_plan,
        "getTrackingPlan": _get_tracking_plan,
        "updateTrackingPlan": _update_tracking_plan,
        "deleteTrackingPlan": _delete_tracking_plan,
        "listRulesFromTrackingPlan": _list_rules,
        "replaceRulesInTrackingPlan": _replace_rules,
        "updateRulesInTrackingPlan": _update_rules,
        "removeRulesFromTrackingPlan": _remove_rules,
        "listSourcesFromTrackingPlan": _list_sources,
        "addSourceToTrackingPlan": _add_source,
        "removeSourceFromTrackingPlan": _remove_source,
    }
)
