"""Groups grow pair by pair; a row of doubtful pairs does not join what was found to be different."""

from __future__ import annotations

from desktop_app.services.photo_groups import PhotoGroups


def test_pairs_join_to_groups():
    groups = PhotoGroups()
    for pair in ((5, 3), (9, 8), (3, 9), (3, 5)):
        groups.join(*pair)
    assert groups.members() == [3, 5, 8, 9]
    assert {groups.root(row) for row in (3, 5, 8, 9)} == {3} and groups.root(4) == 4
    assert not groups.apart(5, 8) and groups.apart(5, 4)


def test_a_doubtful_pair_joins_no_groups_with_different_photos():
    groups = PhotoGroups()
    groups.keep_apart(3, 1)
    groups.join(1, 2, doubtful=True)
    groups.join(2, 3, doubtful=True)
    assert groups.apart(1, 3) and groups.apart(2, 3) and groups.members() == [1, 2]
    groups.join(2, 3)
    assert not groups.apart(1, 3)
