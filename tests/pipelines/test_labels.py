from itertools import combinations

from pipelines.labels import Box, Label, emptiest, placed

PLOT = (1000.0, 400.0)


def overlap(one, other):
    a, b = one.edges(PLOT), other.edges(PLOT)
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def labels(*points):
    return [Label(point, width=80, height=20, clear=12) for point in points]


def test_eight_labels_of_one_crowded_spot_do_not_touch():
    crowded = labels(*((0.5 + i % 3 * 0.01, 0.5 + i // 3 * 0.02) for i in range(8)))

    boxes = [box for box, _ in placed(crowded, crowd=[], taken=[], plots=[PLOT])]

    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))


def test_labels_of_the_corners_stay_inside_the_plot():
    corners = labels((0, 0), (1, 0), (0, 1), (1, 1))

    for box, _ in placed(corners, crowd=[], taken=[], plots=[PLOT]):
        left, top, right, bottom = box.edges(PLOT)
        assert left >= 0
        assert top >= 0
        assert right <= PLOT[0]
        assert bottom <= PLOT[1]


def test_a_lonely_label_stands_beside_its_marker_without_a_line():
    [(box, has_line)] = placed(labels((0.5, 0.5)), crowd=[], taken=[], plots=[PLOT])

    assert not has_line
    assert abs(box.dx) == 80 / 2 + 12 / 2 + 3


def test_a_label_gives_way_to_what_is_there_already():
    there = Box((0.5, 0.5), 50, 0, 90, 40)

    [(box, _)] = placed(labels((0.5, 0.5)), crowd=[], taken=[there], plots=[PLOT])

    assert not overlap(box, there)


def test_of_several_boxes_the_one_over_fewest_points_is_chosen():
    boxes = [Box((0.1, 0.5), 0, 0, 50, 50), Box((0.9, 0.5), 0, 0, 50, 50)]

    assert emptiest(boxes, crowd=[(0.1, 0.5)], taken=[], plots=[PLOT]) == 1
