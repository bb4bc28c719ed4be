"""Two emoticons in superposition: the example of Grossi et al., section 3."""

from actions.smile_super_position.algorithm import SmileSuperPosition

main = SmileSuperPosition().main
